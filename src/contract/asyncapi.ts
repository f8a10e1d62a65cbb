import { z } from "@hono/zod-openapi";
import { answers, type Message, pushes, requests } from "./asyncapi-messages.ts";

const CHANNEL = { $ref: "#/channels/events" };

/**
 * The AsyncAPI 3.0 document of the Socket.IO side, made from the schemas that check what goes over the wire. As AsyncAPI
 * has it, `send` and `receive` are what the server does.
 */
export function asyncApiDocument(version: string): object {
  const messages = [...pushes, ...answers, ...requests];
  return {
    asyncapi: "3.0.0",
    info: {
      title: "LLM Manager events",
      version,
      license: { name: "MIT" },
      description:
        "Socket.IO v4 over WebSocket or polling, default namespace. Each message is an event of that name with one argument. A request may leave its argument out, and may pass an acknowledgement callback, which gets what the answering event carries.",
    },
    defaultContentType: "application/json",
    servers: {
      local: {
        host: "127.0.0.1:5000",
        pathname: "/socket.io/",
        protocol: "socket.io",
        protocolVersion: "5",
        description: "A server with its default settings",
        security: [{ $ref: "#/components/securitySchemes/token" }],
      },
    },
    channels: {
      events: {
        address: "/",
        title: "The default namespace",
        servers: [{ $ref: "#/servers/local" }],
        messages: byName(messages, ({ name }) => ({ $ref: `#/components/messages/${name}` })),
      },
    },
    operations: {
      ...byName(pushes, (message) => ({ action: "send", ...operation(message) })),
      ...byName(requests, (request) => ({
        action: "receive",
        ...operation(request),
        "x-scope": request.scope,
        reply: { channel: CHANNEL, messages: request.replies.map(inChannel) },
      })),
    },
    components: {
      messages: byName(messages, ({ name, summary, description, payload }) => ({
        name,
        summary,
        ...(description && { description }),
        payload: jsonSchema(payload),
      })),
      securitySchemes: {
        token: {
          type: "http",
          scheme: "bearer",
          description:
            "In the handshake, as auth.token or in an Authorization header. Needed unless the server listens on a loopback address without AUTH_TOKEN; who has none is refused with connect_error, whose data.code is unauthorized.",
        },
      },
    },
  };
}

function operation({ name, summary }: Message): object {
  return { channel: CHANNEL, summary, messages: [inChannel(name)] };
}

function inChannel(name: string): object {
  return { $ref: `#/channels/events/messages/${name}` };
}

function byName<T extends Message>(messages: readonly T[], make: (message: T) => object): Record<string, object> {
  return Object.fromEntries(messages.map((message) => [message.name, make(message)]));
}

/** As `input`, because to what is pushed fields may be added: an `output` schema would forbid them. */
function jsonSchema(schema: z.ZodType): object {
  const { $schema, ...rest } = z.toJSONSchema(schema, { target: "draft-7", io: "input" });
  return rest;
}
