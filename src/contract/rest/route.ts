import { createRoute as createOpenApiRoute, type RouteConfig } from "@hono/zod-openapi";
import type { Need } from "../access.ts";
import { BEARER, SESSION } from "../openapi.ts";

/** A route's definition together with what its callers need; no route is served without. */
export type GuardedRoute = Omit<RouteConfig, "security"> & { readonly "x-scope": Need };

/**
 * Defines a route. `x-scope` is enforced before its handler runs, and shown in the OpenAPI document: by itself for
 * programs, and under `security`, where tools look.
 */
export function createRoute<Path extends string, Route extends Omit<GuardedRoute, "path"> & { path: Path }>(
  definition: Route,
) {
  return createOpenApiRoute({ ...definition, security: securityOf(definition["x-scope"]) });
}

/** The empty alternative says that a token may be left out, where the server asks for none. */
function securityOf(need: Need): { [scheme: string]: string[] }[] {
  if (need === "public") return [];
  const scopes = need === "any" ? [] : [need];
  return [{}, { [BEARER]: scopes }, { [SESSION]: scopes }];
}
