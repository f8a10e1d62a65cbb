import { z } from "@hono/zod-openapi";
import { channel, channelName, channelTest, createChannel, updateChannel } from "../channels.ts";
import { body, json, problems } from "./responses.ts";
import { createRoute } from "./route.ts";

const params = z.strictObject({ name: channelName });
const tags = ["notifications"];

export const channelList = z.object({ items: z.array(channel) }).openapi("ChannelList");

export const listChannelsRoute = createRoute({
  method: "get",
  path: "/api/v1/channels",
  "x-scope": "read:alerts",
  tags,
  summary: "List the channels that alerts are told to, by name",
  responses: { 200: json(channelList, "All of them: at most 50"), ...problems },
});

export const createChannelRoute = createRoute({
  method: "post",
  path: "/api/v1/channels",
  "x-scope": "admin",
  tags,
  summary: "Add a channel",
  request: { body: body(createChannel) },
  responses: { 201: json(channel, "The new channel"), ...problems },
});

export const getChannelRoute = createRoute({
  method: "get",
  path: "/api/v1/channels/{name}",
  "x-scope": "read:alerts",
  tags,
  summary: "Get a channel",
  request: { params },
  responses: { 200: json(channel, "The channel"), ...problems },
});

export const updateChannelRoute = createRoute({
  method: "patch",
  path: "/api/v1/channels/{name}",
  "x-scope": "admin",
  tags,
  summary: "Change a channel",
  request: { params, body: body(updateChannel) },
  responses: { 200: json(channel, "The changed channel"), ...problems },
});

export const deleteChannelRoute = createRoute({
  method: "delete",
  path: "/api/v1/channels/{name}",
  "x-scope": "admin",
  tags,
  summary: "Remove a channel and what it has not delivered yet",
  request: { params },
  responses: { 204: { description: "It is gone" }, ...problems },
});

export const testChannelRoute = createRoute({
  method: "post",
  path: "/api/v1/channels/{name}/test",
  "x-scope": "admin",
  tags,
  summary: "Send a test message now",
  request: { params },
  responses: { 200: json(channelTest, "What the receiver said, also when it refused"), ...problems },
});
