import type { OpenAPIHono } from "@hono/zod-openapi";
import { createActivityRoute, listActivitiesRoute } from "../contract/rest/activities.ts";
import type { Activities } from "./activities.ts";

export function mountActivities(app: OpenAPIHono, activities: Activities): void {
  app.openapi(listActivitiesRoute, (c) => c.json(activities.list(c.req.valid("query")), 200));
  app.openapi(createActivityRoute, (c) => c.json(activities.create(c.req.valid("json")), 201));
}
