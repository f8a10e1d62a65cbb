import type { OpenAPIHono } from "@hono/zod-openapi";
import type { Context } from "hono";
import { routePath } from "hono/route";
import type { Need } from "../contract/index.ts";

/** A route as it is served. */
export interface ServedRoute {
  readonly need: Need;
  /** With `:name` segments. */
  readonly path: string;
  readonly summary: string;
}

/** Every route, by method and pattern. */
export type Needs = ReadonlyMap<string, ServedRoute>;

/** Routes that are no part of the contract, all of them GET: where they are, and what they need. */
export type PlainNeeds = Readonly<Record<string, Need>>;

/**
 * What every route of `app` needs: as its definition says, or as `plain` does for those that have none.
 *
 * @throws Error for a route without, so that one that was forgotten is never served.
 */
export function needsOf(app: Pick<OpenAPIHono, "routes" | "openAPIRegistry">, plain: PlainNeeds): Needs {
  const needs = new Map<string, ServedRoute>();
  for (const definition of app.openAPIRegistry.definitions) {
    if (definition.type !== "route") continue;
    const { method, "x-scope": need, summary = "" } = definition.route;
    const path = definition.route.path.replaceAll(/\{(\w+)\}/g, ":$1");
    if (need) needs.set(key(method, path), { need, path, summary });
  }
  for (const [path, need] of Object.entries(plain)) needs.set(key("get", path), { need, path, summary: "" });
  const forgotten = app.routes.find(({ method, path }) => method !== "ALL" && !needs.has(key(method, path)));
  if (!forgotten) return needs;
  throw new Error(
    `${forgotten.method} ${forgotten.path} does not say what its callers need: define it with createRoute of ` +
      `contract/rest/route.ts and an "x-scope".`,
  );
}

/** The route that answers `c`, undefined where there is none. */
export function routeOf(needs: Needs, c: Context): ServedRoute | undefined {
  // Whatever can be read answers HEAD as well.
  return needs.get(key(c.req.method === "HEAD" ? "get" : c.req.method, routePath(c, -1)));
}

function key(method: string, path: string): string {
  return `${method.toUpperCase()} ${path}`;
}
