import type { OpenAPIHono } from "@hono/zod-openapi";
import type { Context } from "hono";
import {
  acknowledgeAlertRoute,
  createSilenceRoute,
  deleteSilenceRoute,
  getAlertRoute,
  listAlertRulesRoute,
  listAlertsRoute,
  listSilencesRoute,
  resolveAlertRoute,
  updateAlertRuleRoute,
} from "../contract/rest/alerts.ts";
import type { Alerts } from "./alerts.ts";

/** @param who names the caller of a request; null where the server knows nobody by name. */
export function mountAlerts(app: OpenAPIHono, alerts: Alerts, who: (c: Context) => string | null): void {
  app.openapi(listAlertsRoute, (c) => c.json(alerts.list(c.req.valid("query")), 200));
  app.openapi(getAlertRoute, (c) => c.json(alerts.get(c.req.valid("param").alert_id), 200));
  app.openapi(acknowledgeAlertRoute, (c) =>
    c.json(alerts.acknowledge(c.req.valid("param").alert_id, c.req.valid("json").comment ?? null, who(c)), 200),
  );
  app.openapi(resolveAlertRoute, (c) =>
    c.json(alerts.resolve(c.req.valid("param").alert_id, c.req.valid("json").comment ?? null, who(c)), 200),
  );
  app.openapi(listSilencesRoute, (c) => c.json({ items: alerts.silences() }, 200));
  app.openapi(createSilenceRoute, (c) => c.json(alerts.silence(c.req.valid("json"), who(c)), 201));
  app.openapi(deleteSilenceRoute, (c) => {
    alerts.unsilence(c.req.valid("param").silence_id);
    return c.body(null, 204);
  });
  app.openapi(listAlertRulesRoute, (c) => c.json({ items: alerts.rules() }, 200));
  app.openapi(updateAlertRuleRoute, (c) =>
    c.json(alerts.updateRule(c.req.valid("param").name, c.req.valid("json"), who(c)), 200),
  );
}
