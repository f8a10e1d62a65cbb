import type { OpenAPIHono } from "@hono/zod-openapi";
import {
  createModelRoute,
  deleteModelRoute,
  getModelRoute,
  listModelsRoute,
  updateModelRoute,
} from "../contract/rest/models.ts";
import type { Models } from "./models.ts";

export function mountModels(app: OpenAPIHono, models: Models): void {
  app.openapi(listModelsRoute, (c) => c.json(models.list(c.req.valid("query")), 200));
  app.openapi(createModelRoute, (c) => c.json(models.create(c.req.valid("json")), 201));
  app.openapi(getModelRoute, (c) => c.json(models.require(c.req.valid("param").model_id), 200));
  app.openapi(updateModelRoute, (c) => c.json(models.update(c.req.valid("param").model_id, c.req.valid("json")), 200));
  app.openapi(deleteModelRoute, (c) => {
    models.remove(c.req.valid("param").model_id);
    return c.body(null, 204);
  });
}
