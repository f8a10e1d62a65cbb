import { z } from "@hono/zod-openapi";
import { alert, alertState, alertType } from "../alerts.ts";
import { modelStatus } from "../deployments.ts";
import { alertId, severity, timestamp } from "../primitives.ts";
import { systemResources } from "../resources.ts";
import { json, limit, page, problems } from "./responses.ts";
import { createRoute } from "./route.ts";

export const resourcesNow = z.object({ timestamp, data: systemResources }).openapi("ResourcesNow");
export const modelStatusNow = z.object({ timestamp, data: modelStatus }).openapi("ModelStatusNow");
export const alertPage = page(alert).openapi("AlertPage");

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

export const listAlertsRoute = createRoute({
  method: "get",
  path: "/api/v1/alerts",
  "x-scope": "read:alerts",
  tags: ["alerts"],
  summary: "List alerts, newest first",
  request: {
    query: z.strictObject({
      before: alertId.optional(),
      state: alertState.optional(),
      type: alertType.optional(),
      severity: severity.optional(),
      limit,
    }),
  },
  responses: { 200: json(alertPage, "A page of alerts"), ...problems },
});

export const getAlertRoute = createRoute({
  method: "get",
  path: "/api/v1/alerts/{alert_id}",
  "x-scope": "read:alerts",
  tags: ["alerts"],
  summary: "Get an alert",
  request: { params: z.strictObject({ alert_id: alertId }) },
  responses: { 200: json(alert, "The alert"), ...problems },
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
