import { z } from "@hono/zod-openapi";
import { deploymentId, timestamp } from "./primitives.ts";

/** A place in a deployment's log: which of its starts, and behind how many bytes of what that one wrote. */
export const logCursor = z
  .string()
  .regex(/^[0-9]{1,9}-[0-9]{1,15}$/, "must be the cursor of a line, like 3-4096")
  .openapi({ example: "3-4096" });

/** Lines a reader can ask for from the end. */
export const logTail = z.coerce
  .number({ error: "must be a number from 0 to 100000" })
  .int("must be a whole number")
  .min(0, "must be at least 0")
  .max(100_000, "must be at most 100000");

export const logLine = z
  .object({
    /** Behind this line; `after` takes it. */
    cursor: logCursor,
    /** When it was read from the engine. */
    timestamp,
    /** The engine's output; `system` is what this server says about the log itself, such as what is missing. */
    stream: z.enum(["stdout", "stderr", "system"]),
    /** What is no UTF-8 is U+FFFD. */
    text: z.string(),
    /** The line is longer than 16 KiB, or not over yet, and goes on in the next of the same stream. */
    partial: z.literal(true).optional(),
  })
  .openapi("LogLine");
export type LogLine = z.infer<typeof logLine>;

/** What a subscription to a log may carry besides the deployment: where to begin. Only what comes from now on otherwise. */
export const logSubscription = z
  .strictObject({
    deployment_id: deploymentId,
    /** How many of the newest lines to begin with. */
    tail: z.number().int().min(0).max(10_000).optional(),
    /** The cursor of the last line that is known: begin behind it. Goes before `tail`. */
    after: logCursor.optional(),
  })
  .openapi("LogSubscription");
export type LogSubscription = z.infer<typeof logSubscription>;

export const logUnsubscription = z.strictObject({ deployment_id: deploymentId }).openapi("LogUnsubscription");
export type LogUnsubscription = z.infer<typeof logUnsubscription>;

/** `deployment_logs`: lines of one deployment, in order. */
export const deploymentLogsEvent = z
  .object({
    event_type: z.literal("deployment_logs"),
    timestamp,
    data: z.object({
      deployment_id: deploymentId,
      lines: z.array(logLine),
      /** Lines before these that were left out, because this client reads too slowly. */
      dropped: z.number().int().positive().optional(),
    }),
  })
  .openapi("DeploymentLogsEvent");
export type DeploymentLogsEvent = z.infer<typeof deploymentLogsEvent>;
