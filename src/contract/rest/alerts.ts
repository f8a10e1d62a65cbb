import { z } from "@hono/zod-openapi";
import {
  alert,
  alertComment,
  alertRule,
  alertRuleName,
  alertState,
  alertType,
  createSilence,
  silence,
  updateAlertRule,
} from "../alerts.ts";
import { alertId, severity, silenceId, timestamp } from "../primitives.ts";
import { body, json, limit, page, problems } from "./responses.ts";
import { createRoute } from "./route.ts";

const tags = ["alerts"];
const params = z.strictObject({ alert_id: alertId });

export const alertPage = page(alert).openapi("AlertPage");
export const silenceList = z.object({ items: z.array(silence) }).openapi("SilenceList");
export const alertRuleList = z.object({ items: z.array(alertRule) }).openapi("AlertRuleList");

export const listAlertsRoute = createRoute({
  method: "get",
  path: "/api/v1/alerts",
  "x-scope": "read:alerts",
  tags,
  summary: "List alerts, newest first",
  request: {
    query: z.strictObject({
      before: alertId.optional(),
      state: alertState.optional(),
      type: alertType.optional(),
      severity: severity.optional(),
      resource_type: z.string().min(1).max(64).optional(),
      resource_id: z.string().min(1).max(256).optional(),
      since: timestamp.optional(),
      until: timestamp.optional(),
      limit,
    }),
  },
  responses: { 200: json(alertPage, "A page of alerts"), ...problems },
});

export const getAlertRoute = createRoute({
  method: "get",
  path: "/api/v1/alerts/{alert_id}",
  "x-scope": "read:alerts",
  tags,
  summary: "Get an alert",
  request: { params },
  responses: { 200: json(alert, "The alert"), ...problems },
});

export const acknowledgeAlertRoute = createRoute({
  method: "post",
  path: "/api/v1/alerts/{alert_id}/acknowledge",
  "x-scope": "write:alerts",
  tags,
  summary: "Say that somebody sees to an open alert: there are no reminders until it gets worse, or for a day",
  request: { params, body: { ...body(alertComment), required: false } },
  responses: { 200: json(alert, "The alert, acknowledged"), ...problems },
});

export const resolveAlertRoute = createRoute({
  method: "post",
  path: "/api/v1/alerts/{alert_id}/resolve",
  "x-scope": "write:alerts",
  tags,
  summary: "Close an open alert by hand: it comes back when it gets worse, or when it is over and begins again",
  request: { params, body: { ...body(alertComment), required: false } },
  responses: { 200: json(alert, "The alert, resolved"), ...problems },
});

export const listSilencesRoute = createRoute({
  method: "get",
  path: "/api/v1/silences",
  "x-scope": "read:alerts",
  tags,
  summary: "List the silences in force",
  responses: { 200: json(silenceList, "The silences, oldest first"), ...problems },
});

export const createSilenceRoute = createRoute({
  method: "post",
  path: "/api/v1/silences",
  "x-scope": "write:alerts",
  tags,
  summary: "Tell nobody of the alerts that match, for a while",
  request: { body: body(createSilence) },
  responses: { 201: json(silence, "The new silence"), ...problems },
});

export const deleteSilenceRoute = createRoute({
  method: "delete",
  path: "/api/v1/silences/{silence_id}",
  "x-scope": "write:alerts",
  tags,
  summary: "End a silence; what is still open is told of now",
  request: { params: z.strictObject({ silence_id: silenceId }) },
  responses: { 204: { description: "It is over" }, ...problems },
});

export const listAlertRulesRoute = createRoute({
  method: "get",
  path: "/api/v1/alert-rules",
  "x-scope": "read:alerts",
  tags,
  summary: "List the rules by which alerts open and close",
  responses: { 200: json(alertRuleList, "All rules"), ...problems },
});

export const updateAlertRuleRoute = createRoute({
  method: "patch",
  path: "/api/v1/alert-rules/{name}",
  "x-scope": "write:alerts",
  tags,
  summary: "Change a rule; null takes the configured value again. What is open is judged anew at once",
  request: { params: z.strictObject({ name: alertRuleName }), body: body(updateAlertRule) },
  responses: { 200: json(alertRule, "The rule as it is now"), ...problems },
});
