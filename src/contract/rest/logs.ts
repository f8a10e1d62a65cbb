import { z } from "@hono/zod-openapi";
import { logCursor, logTail } from "../logs.ts";
import { deploymentId } from "../primitives.ts";
import { problems } from "./responses.ts";
import { createRoute } from "./route.ts";

const onOff = z
  .union([z.literal(""), z.stringbool({ truthy: ["true", "1"], falsy: ["false", "0"] })], {
    error: "must be true or false",
  })
  .transform((value) => value !== false);

export const deploymentLogsRoute = createRoute({
  method: "get",
  path: "/api/v1/deployments/{deployment_id}/logs",
  "x-scope": "read:logs",
  tags: ["deployments"],
  summary: "Read what a deployment's engine wrote, or follow it",
  description:
    "As `application/x-ndjson` (a LogLine on each line) or `text/event-stream` (a LogLine in each event, whose id is its cursor) where Accept asks for it, else as plain text. With `follow` it goes on until the client leaves.",
  request: {
    params: z.strictObject({ deployment_id: deploymentId }),
    query: z.strictObject({
      tail: logTail.optional(),
      since: z.iso
        .datetime({ error: "must be ISO 8601 in UTC, like 2025-01-01T12:00:00Z" })
        .transform((text) => new Date(text).toISOString())
        .optional(),
      after: logCursor.optional(),
      start: z.enum(["current", "previous"]).optional(),
      follow: onOff.optional(),
    }),
  },
  responses: {
    200: {
      description: "The lines, oldest first",
      content: {
        "text/plain": { schema: z.string() },
        "application/x-ndjson": { schema: z.string() },
        "text/event-stream": { schema: z.string() },
      },
    },
    ...problems,
  },
});
