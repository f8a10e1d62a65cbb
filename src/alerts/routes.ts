import type { OpenAPIHono } from "@hono/zod-openapi";
import { getAlertRoute, listAlertsRoute } from "../contract/rest/status.ts";
import type { Alerts } from "./alerts.ts";

export function mountAlerts(app: OpenAPIHono, alerts: Alerts): void {
  app.openapi(listAlertsRoute, (c) => c.json(alerts.list(c.req.valid("query")), 200));
  app.openapi(getAlertRoute, (c) => c.json(alerts.get(c.req.valid("param").alert_id), 200));
}
