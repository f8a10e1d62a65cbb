import { z } from "@hono/zod-openapi";
import { modelStatus } from "../deployments.ts";
import { timestamp } from "../primitives.ts";
import { systemResources } from "../resources.ts";
import { json, problems } from "./responses.ts";
import { createRoute } from "./route.ts";

export const resourcesNow = z.object({ timestamp, data: systemResources }).openapi("ResourcesNow");
export const modelStatusNow = z.object({ timestamp, data: modelStatus }).openapi("ModelStatusNow");

export const getResourcesRoute = createRoute({
  method: "get",
  path: "/api/v1/resources",
  "x-scope": "read:resources",
  tags: ["status"],
  summary: "The machine's resources now",
  responses: { 200: json(resourcesNow, "The newest sample, at most two seconds old"), ...problems },
});

export const getModelStatusRoute = createRoute({
  method: "get",
  path: "/api/v1/model-status",
  "x-scope": "read:deployments",
  tags: ["status"],
  summary: "What every deployment is doing now",
  responses: { 200: json(modelStatusNow, "One entry per deployment"), ...problems },
});

const health = z.object({ status: z.enum(["ok", "unavailable"]), version: z.string() }).openapi("Health");

export const healthzRoute = createRoute({
  method: "get",
  path: "/healthz",
  "x-scope": "public",
  tags: ["server"],
  summary: "Whether the process is alive",
  responses: { 200: json(health, "It is"), ...problems },
});

export const readyzRoute = createRoute({
  method: "get",
  path: "/readyz",
  "x-scope": "public",
  tags: ["server"],
  summary: "Whether the server can do its work: the database answers and it is not shutting down",
  responses: { 200: json(health, "It can"), 503: json(health, "It cannot"), ...problems },
});
