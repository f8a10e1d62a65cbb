import { z } from "@hono/zod-openapi";
import {
  eventStreamName,
  noOptions,
  replayOptions,
  streamName,
  streams,
  subscriptionAck,
  subscriptionError,
  subscriptionName,
} from "./streams.ts";

interface Message {
  readonly name: string;
  readonly summary: string;
  readonly payload: z.ZodType;
}

/** What the server sends. */
function serverMessages(): Message[] {
  return [
    ...streamName.options.map((name) => ({
      name: streams[name].event,
      summary: cadence(name),
      payload: streams[name].envelope,
    })),
    { name: "subscribed", summary: "Answers a subscription, before its first event", payload: subscriptionAck },
    { name: "unsubscribed", summary: "Answers an unsubscription", payload: subscriptionAck },
    {
      name: "subscription_error",
      summary: "Answers what is wrong; the connection lives on",
      payload: subscriptionError,
    },
    {
      name: "recovery_offset",
      summary: "Where this connection stands, for Socket.IO's connection state recovery; other clients ignore it",
      payload: z.string(),
    },
    {
      name: "server_shutdown",
      summary: "The server is going away; reconnecting is right",
      payload: z.object({ message: z.string() }),
    },
  ];
}

/** What a client may send. */
function clientMessages(): Message[] {
  return subscriptionName.options.flatMap((name) => {
    const replays = eventStreamName.safeParse(name).success;
    return [
      {
        name: `subscribe_${name}`,
        summary: replays
          ? "Subscribes, first replaying what is newer than `after`"
          : "Subscribes, first sending the state now",
        payload: replays ? replayOptions : noOptions,
      },
      { name: `unsubscribe_${name}`, summary: "Unsubscribes", payload: noOptions },
    ];
  });
}

function cadence(name: (typeof streamName.options)[number]): string {
  const stream = streams[name];
  return "intervalMs" in stream ? `${stream.title}, every ${stream.intervalMs / 1000} s` : `${stream.title}, at once`;
}

/** The AsyncAPI 3.0 document of the Socket.IO side, made from the schemas that check what goes over the wire. */
export function asyncApiDocument(version: string): object {
  const sent = serverMessages();
  const received = clientMessages();
  const references = (messages: readonly Message[]) =>
    messages.map(({ name }) => ({ $ref: `#/channels/events/messages/${name}` }));
  return {
    asyncapi: "3.0.0",
    info: {
      title: "LLM Manager events",
      version,
      license: { name: "MIT" },
      description:
        "Socket.IO v4, path /socket.io/, default namespace, WebSocket or polling. Each message is an event of that name with one argument; requests may pass an acknowledgement callback, which gets what the answering event carries.",
    },
    defaultContentType: "application/json",
    servers: {
      local: { host: "127.0.0.1:5000", protocol: "socket.io", description: "A server with its default settings" },
    },
    channels: {
      events: {
        address: "/socket.io/",
        servers: [{ $ref: "#/servers/local" }],
        messages: Object.fromEntries(
          [...sent, ...received].map(({ name }) => [name, { $ref: `#/components/messages/${name}` }]),
        ),
      },
    },
    operations: {
      push: {
        action: "send",
        channel: { $ref: "#/channels/events" },
        summary: "What the server sends",
        messages: references(sent),
      },
      request: {
        action: "receive",
        channel: { $ref: "#/channels/events" },
        summary: "What a client may send",
        messages: references(received),
      },
    },
    components: {
      messages: Object.fromEntries(
        [...sent, ...received].map(({ name, summary, payload }) => [
          name,
          { name, summary, payload: jsonSchema(payload) },
        ]),
      ),
    },
  };
}

function jsonSchema(schema: z.ZodType): object {
  const { $schema, ...rest } = z.toJSONSchema(schema, { target: "draft-7", io: "input" });
  return rest;
}
