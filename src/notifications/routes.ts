import type { OpenAPIHono } from "@hono/zod-openapi";
import {
  createChannelRoute,
  deleteChannelRoute,
  getChannelRoute,
  listChannelsRoute,
  testChannelRoute,
  updateChannelRoute,
} from "../contract/rest/channels.ts";
import type { Channels } from "./channels.ts";

export function mountChannels(app: OpenAPIHono, channels: Channels): void {
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
