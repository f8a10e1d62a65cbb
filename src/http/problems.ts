import type { Context, ErrorHandler } from "hono";
import { HTTPException } from "hono/http-exception";
import { type Problem, type ProblemCode, ProblemError, problemKinds } from "../contract/index.ts";
import { StorageError } from "../store/errors.ts";

/** Where failures are reported; a LogTape `Logger`. */
export interface ErrorLog {
  error(message: string, properties: Record<string, unknown>): void;
}

/** The answer for an error: RFC 9457, one place where a code becomes a status. */
export function problemResponse(
  error: Pick<ProblemError, "code" | "message" | "errors" | "scope">,
  instance: string,
  headers: Record<string, string> = {},
): Response {
  const [status, title] = problemKinds[error.code];
  const body: Problem = {
    type: `/docs#${error.code}`,
    title,
    status,
    detail: error.message,
    code: error.code,
    instance,
    ...(error.scope && { scope: error.scope }),
    ...(error.errors && { errors: error.errors }),
  };
  const challenge = challengeOf(error);
  return Response.json(body, {
    status,
    headers: { ...challenge, ...headers, "content-type": "application/problem+json" },
  });
}

/** How, or when, to be let in: RFC 6750 (3), RFC 9110 (10.2.3). */
function challengeOf({ code, scope }: Pick<ProblemError, "code" | "scope">): Record<string, string> {
  if (code === "unauthorized") return { "www-authenticate": "Bearer" };
  // A bucket is never empty for longer than that.
  if (code === "rate_limited") return { "retry-after": "1" };
  if (!scope) return {};
  return { "www-authenticate": `Bearer error="insufficient_scope", scope="${scope}"` };
}

/** Turns whatever a handler threw into an answer; what is nobody's fault but ours is logged, once, and not shown. */
export function errorHandler(log: ErrorLog): ErrorHandler {
  return (error, c) => problemResponse(problemOf(error, c, log), c.req.path);
}

function problemOf(error: Error, c: Context, log: ErrorLog): ProblemError {
  if (error instanceof ProblemError) return error;
  if (error instanceof HTTPException)
    return new ProblemError(codeOf(error), error.message || "The request is malformed.");
  const request = { method: c.req.method, path: c.req.path, requestId: c.get("requestId") };
  if (error instanceof StorageError) {
    log.error("{method} {path} ({requestId}): {error}", { ...request, error });
    return new ProblemError(error.code, error.message);
  }
  log.error("Bug: {method} {path} ({requestId}) failed: {error}", { ...request, error });
  return new ProblemError("internal_error", `The server failed; its log says why, under ${request.requestId}.`);
}

/** Hono's own validator throws these for bodies it cannot read. */
function codeOf(error: HTTPException): ProblemCode {
  if (error.status === 413) return "payload_too_large";
  if (error.status === 415) return "unsupported_media_type";
  return error.status >= 500 ? "internal_error" : "invalid_json";
}
