import type { OpenAPIHono } from "@hono/zod-openapi";
import {
  createChannelRoute,
  deleteChannelRoute,
  getChannelRoute,
  listChannelsRoute,
  testChannelRoute,
  updateChannelRoute,
} from "../contract/rest/channels.ts";
import { listNotificationsRoute, retryNotificationRoute } from "../contract/rest/notifications.ts";
import type { Channels } from "./channels.ts";
import type { Notifications } from "./notifications.ts";

/** The channels, and what they are told. */
export function mountNotifications(app: OpenAPIHono, notifications: Notifications): void {
  mountChannels(app, notifications.channels);
  app.openapi(listNotificationsRoute, (c) => c.json(notifications.list(c.req.valid("query")), 200));
  app.openapi(retryNotificationRoute, (c) => {
    return c.json(notifications.retry(c.req.valid("param").notification_id), 202);
  });
}

function mountChannels(app: OpenAPIHono, channels: Channels): void {
  app.openapi(listChannelsRoute, (c) => c.json({ items: channels.list() }, 200));
  app.openapi(createChannelRoute, (c) => c.json(channels.create(c.req.valid("json")), 201));
  app.openapi(getChannelRoute, (c) => c.json(channels.require(c.req.valid("param").name), 200));
  app.openapi(updateChannelRoute, (c) => {
    return c.json(channels.update(c.req.valid("param").name, c.req.valid("json")), 200);
  });
  app.openapi(deleteChannelRoute, (c) => {
    channels.remove(c.req.valid("param").name);
    return c.body(null, 204);
  });
  app.openapi(testChannelRoute, async (c) => {
    return c.json(await channels.test(c.req.valid("param").name, c.req.raw.signal), 200);
  });
}
