import { z } from "@hono/zod-openapi";
import { accessScope, type Scope } from "./access.ts";

export const problemCode = z.enum([
  "invalid_json",
  "validation_failed",
  "unsupported_media_type",
  "payload_too_large",
  "not_found",
  "method_not_allowed",
  "already_exists",
  "in_use",
  "read_only",
  "limit_reached",
  "illegal_transition",
  "runtime_unavailable",
  "does_not_fit",
  "unauthorized",
  "forbidden",
  "last_admin_token",
  "too_many_tokens",
  "host_not_allowed",
  "origin_not_allowed",
  "rate_limited",
  "storage_full",
  "storage_failed",
  "unavailable",
  "internal_error",
]);
export type ProblemCode = z.infer<typeof problemCode>;

/** An error of the REST API: RFC 9457 `application/problem+json`. */
export const problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.number().int(),
    detail: z.string(),
    /** Stable, for programs. */
    code: problemCode,
    instance: z.string().optional(),
    /** With `forbidden`: what the caller's token lacks. */
    scope: accessScope.optional(),
    /** Each bad field: where it is and what is allowed. */
    errors: z.array(z.object({ field: z.string(), message: z.string() })).optional(),
  })
  .openapi("Problem");
export type Problem = z.infer<typeof problem>;

/** HTTP status and short title of each code: the one place where an error becomes a status. */
export const problemKinds = {
  invalid_json: [400, "The body is not JSON"],
  validation_failed: [422, "The input is not valid"],
  unsupported_media_type: [415, "Send JSON"],
  payload_too_large: [413, "The body is too large"],
  not_found: [404, "Not found"],
  method_not_allowed: [405, "Method not allowed"],
  already_exists: [409, "It already exists"],
  in_use: [409, "It is in use"],
  read_only: [409, "It cannot be changed here"],
  limit_reached: [409, "There are as many as there may be"],
  illegal_transition: [409, "Not possible in this state"],
  runtime_unavailable: [409, "The runtime cannot be used here"],
  does_not_fit: [409, "It is bigger than this machine's memory"],
  unauthorized: [401, "A token is needed"],
  forbidden: [403, "Not permitted"],
  last_admin_token: [409, "It is the last token that can administer"],
  too_many_tokens: [409, "There are too many tokens"],
  host_not_allowed: [403, "This Host is not allowed"],
  origin_not_allowed: [403, "This Origin is not allowed"],
  rate_limited: [429, "Too fast"],
  storage_full: [507, "The disk is full"],
  storage_failed: [500, "The database failed"],
  unavailable: [503, "Not available now"],
  internal_error: [500, "The server failed"],
} as const satisfies Record<ProblemCode, readonly [number, string]>;

/** An error that a caller can act on. Made where the cause is known, turned into an answer at the edge. */
export class ProblemError extends Error {
  override readonly name = "ProblemError";
  readonly code: ProblemCode;
  readonly errors: Problem["errors"];
  readonly scope: Scope | undefined;

  constructor(code: ProblemCode, detail: string, errors?: Problem["errors"], scope?: Scope) {
    super(detail);
    this.code = code;
    this.errors = errors;
    this.scope = scope;
  }
}
