import type { OpenAPIHono } from "@hono/zod-openapi";
import { getResourcesRoute } from "../contract/rest/status.ts";
import type { Resources } from "./sampler.ts";

export function mountResources(app: OpenAPIHono, resources: Resources): void {
  app.openapi(getResourcesRoute, async (c) => {
    const { timestamp, data } = resources.latest() ?? (await resources.sample());
    return c.json({ timestamp, data }, 200);
  });
}
