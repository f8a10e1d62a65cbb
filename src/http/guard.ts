import type { OpenAPIHono } from "@hono/zod-openapi";
import type { Context, MiddlewareHandler } from "hono";
import type { Access } from "../access/access.ts";
import type { Acting } from "../access/acting.ts";
import type { Limits } from "../access/limits.ts";
import type { Activities } from "../activities/activities.ts";
import { endingWith, goesOn } from "./ending.ts";
import { type Needs, needsOf, type PlainNeeds, routeOf, type ServedRoute } from "./needs.ts";
import type { ErrorLog } from "./problems.ts";

/** Those who decide and those who write it down; HTTP only carries it out. */
export interface GuardParts {
  readonly access: Pick<Access, "peer" | "authorize" | "live">;
  readonly limits: Pick<Limits, "request">;
  readonly acting: Pick<Acting, "during">;
  readonly activities: Pick<Activities, "create">;
  readonly log: ErrorLog;
}

/** What a request to `fetch` carries beside itself. */
export interface Connection {
  readonly address?: string;
  readonly secure?: boolean;
}

/**
 * The one place where it is decided who may do what over HTTP, and where every command is written into the history: by
 * the noun it changes, in the same transaction, or else here.
 */
export function guard(app: OpenAPIHono, plain: PlainNeeds, parts: GuardParts): MiddlewareHandler {
  let needs: Needs | undefined;
  return async (c, next) => {
    const { headers, method } = c.req.raw;
    const connection: Connection = c.env ?? {};
    const peer = parts.access.peer({ address: connection.address ?? "", secure: connection.secure ?? false }, headers);
    c.set("peer", peer);
    parts.limits.request(peer.address);
    // Made at the first request, when every route is there.
    needs ??= needsOf(app, plain);
    const route = routeOf(needs, c);
    const need = route?.need ?? (c.req.path.startsWith("/api/") ? "any" : "public");
    if (need === "public") return next();
    const changes = method !== "GET" && method !== "HEAD";
    const caller = parts.access.authorize({ headers, peer, changes }, need);
    c.set("caller", caller);
    // Who shares a token shares its requests, from wherever they come.
    if (caller.kind !== "open") parts.limits.request(caller.id);
    if (!route || !changes) {
      await next();
      if (goesOn(c.res)) c.res = endingWith(c.res, caller, parts.access.live);
      return;
    }
    await parts.acting.during(caller, async (told) => {
      await next();
      // What concerns the caller alone, such as signing out, is told where it is done.
      if (!told() && need !== "any" && c.res.ok) audit(c, route, parts);
    });
  };
}

/** The command has been carried out, so what cannot be written about it is logged and fails nothing. */
function audit(c: Context, route: ServedRoute, { activities, log }: GuardParts): void {
  const params = paramsOf(route.path, c.req.path);
  const [name, value] = Object.entries(params).at(-1) ?? [];
  const on = value === undefined ? "" : `: ${value}`;
  try {
    activities.create({
      activity_type: "user_operation",
      message: `${route.summary}${on}`,
      severity: "info",
      resource_type: name?.replace(/_id$/, "") ?? null,
      resource_id: value ?? null,
      extra_data: { method: c.req.method, path: c.req.path },
    });
  } catch (error) {
    log.error("{method} {path} by {caller} could not be written into the history: {error}", {
      method: c.req.method,
      path: c.req.path,
      caller: c.get("caller").name,
      error,
    });
  }
}

/** What stands in `path` where the pattern has `:name`. */
function paramsOf(pattern: string, path: string): Record<string, string> {
  const actual = path.split("/");
  const named = pattern.split("/").flatMap((segment, i) => {
    const value = actual[i];
    return segment.startsWith(":") && value ? [[segment.slice(1), value] as const] : [];
  });
  return Object.fromEntries(named);
}
