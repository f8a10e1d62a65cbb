import { z } from "@hono/zod-openapi";
import { channelName } from "../channels.ts";
import { notification, notificationState } from "../notifications.ts";
import { alertId, notificationId } from "../primitives.ts";
import { json, limit, page, problems } from "./responses.ts";
import { createRoute } from "./route.ts";

const tags = ["notifications"];

export const notificationPage = page(notification).openapi("NotificationPage");

export const listNotificationsRoute = createRoute({
  method: "get",
  path: "/api/v1/notifications",
  "x-scope": "read:alerts",
  tags,
  summary: "List what channels were told, or are to be told, newest first",
  request: {
    query: z.strictObject({
      before: notificationId.optional(),
      channel: channelName.optional(),
      state: notificationState.optional(),
      alert_id: alertId.optional(),
      limit,
    }),
  },
  responses: { 200: json(notificationPage, "A page of notifications"), ...problems },
});

export const retryNotificationRoute = createRoute({
  method: "post",
  path: "/api/v1/notifications/{notification_id}/retry",
  "x-scope": "write:alerts",
  tags,
  summary: "Try again now to deliver what waits or was given up",
  request: { params: z.strictObject({ notification_id: notificationId }) },
  responses: { 202: json(notification, "It is tried now"), ...problems },
});
