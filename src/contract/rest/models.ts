import { z } from "@hono/zod-openapi";
import { createModel, model, updateModel } from "../models.ts";
import { modelId } from "../primitives.ts";
import { body, json, limit, page, problems } from "./responses.ts";
import { createRoute } from "./route.ts";

const params = z.strictObject({ model_id: modelId });
const tags = ["models"];

export const modelPage = page(model).openapi("ModelPage");

export const listModelsRoute = createRoute({
  method: "get",
  path: "/api/v1/models",
  "x-scope": "read:models",
  tags,
  summary: "List models, by model_id",
  request: { query: z.strictObject({ after: modelId.optional(), limit }) },
  responses: { 200: json(modelPage, "A page of models"), ...problems },
});

export const createModelRoute = createRoute({
  method: "post",
  path: "/api/v1/models",
  "x-scope": "write:models",
  tags,
  summary: "Register a model",
  request: { body: body(createModel) },
  responses: { 201: json(model, "The new model"), ...problems },
});

export const getModelRoute = createRoute({
  method: "get",
  path: "/api/v1/models/{model_id}",
  "x-scope": "read:models",
  tags,
  summary: "Get a model",
  request: { params },
  responses: { 200: json(model, "The model"), ...problems },
});

export const updateModelRoute = createRoute({
  method: "patch",
  path: "/api/v1/models/{model_id}",
  "x-scope": "write:models",
  tags,
  summary: "Change a model's description",
  request: { params, body: body(updateModel) },
  responses: { 200: json(model, "The changed model"), ...problems },
});

export const deleteModelRoute = createRoute({
  method: "delete",
  path: "/api/v1/models/{model_id}",
  "x-scope": "write:models",
  tags,
  summary: "Remove a model that nothing deploys",
  request: { params },
  responses: { 204: { description: "It is gone" }, ...problems },
});
