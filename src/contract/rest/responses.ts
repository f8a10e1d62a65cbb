import { z } from "@hono/zod-openapi";
import { problem } from "../problem.ts";

/** A JSON answer, as `createRoute` wants it. */
export function json<Schema extends z.ZodType>(schema: Schema, description: string) {
  return { description, content: { "application/json": { schema } } };
}

/** A JSON body that must be there. */
export function body<Schema extends z.ZodType>(schema: Schema) {
  return { required: true, content: { "application/json": { schema } } };
}

function problemResponse(description: string) {
  return { description, content: { "application/problem+json": { schema: problem } } };
}

/**
 * The errors every route can answer with. Handlers throw `ProblemError`; they never return these themselves, which is
 * why they stand under `default` and not under each status.
 */
export const problems = {
  default: problemResponse("An RFC 9457 problem that names what is wrong and, for bad input, each bad field"),
};

/** One page of a list. `next` is what to pass as `after` (or `before`, newest first) for the next page, or null. */
export function page<Schema extends z.ZodType>(item: Schema) {
  return z.object({ items: z.array(item), next: z.string().nullable() });
}

/** Items on a page: 50 unless told, at most 500. */
export const limit = z.coerce
  .number({ error: "must be a number from 1 to 500" })
  .int("must be a whole number")
  .min(1, "must be at least 1")
  .max(500, "must be at most 500")
  .default(50);
