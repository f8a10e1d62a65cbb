import type { OpenAPIHono } from "@hono/zod-openapi";
import type { Context } from "hono";
import { routePath } from "hono/route";
import type { Need } from "../contract/index.ts";

/** What each route needs, by method and pattern. */
export type Needs = ReadonlyMap<string, Need>;

/** Routes that are no part of the contract: how to find them, and what they need. */
export type PlainNeeds = Readonly<Record<`/${string}`, Need>>;

/**
 * What every route of `app` needs: as its definition says, or as `plain` does for those that have none.
 *
 * @throws Error for a route without, so that one that was forgotten is never served.
 */
export function needsOf(app: Pick<OpenAPIHono, "routes" | "openAPIRegistry">, plain: PlainNeeds): Needs {
  const needs = new Map<string, Need>();
  for (const definition of app.openAPIRegistry.definitions) {
    if (definition.type !== "route") continue;
    const { method, path, "x-scope": need } = definition.route;
    if (need) needs.set(key(method, path.replaceAll(/\{(\w+)\}/g, ":$1")), need);
  }
  for (const [path, need] of Object.entries(plain)) needs.set(key("get", path), need);
  const forgotten = app.routes.find(({ method, path }) => method !== "ALL" && !needs.has(key(method, path)));
  if (!forgotten) return needs;
  throw new Error(
    `${forgotten.method} ${forgotten.path} does not say what its callers need: define it with createRoute of contract/rest/route.ts and an "x-scope".`,
  );
}

/** What the route that answers `c` needs, undefined where there is no route. */
export function needOf(needs: Needs, c: Context): Need | undefined {
  // Whatever can be read answers HEAD as well.
  return needs.get(key(c.req.method === "HEAD" ? "get" : c.req.method, routePath(c, -1)));
}

function key(method: string, path: string): string {
  return `${method.toUpperCase()} ${path}`;
}
