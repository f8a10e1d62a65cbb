import { z } from "@hono/zod-openapi";

/** What a caller may be allowed to do. Each route and each stream names the one it needs. */
export const accessScope = z
  .enum([
    "read:resources",
    "read:models",
    "read:activities",
    "read:alerts",
    "read:deployments",
    "read:logs",
    "write:models",
    "write:deployments",
    "write:alerts",
    "write:activities",
    "admin",
  ])
  .openapi("Scope");
export type Scope = z.infer<typeof accessScope>;

/**
 * What a route or an event needs: a scope; `any`, which is every caller that the server knows; or `public`, which is
 * everybody.
 */
export type Need = Scope | "any" | "public";

export const role = z.enum(["viewer", "operator", "admin"]).openapi("Role");
export type Role = z.infer<typeof role>;

const viewer = ["read:resources", "read:models", "read:activities", "read:alerts", "read:deployments"] as const;

/**
 * Named sets of scopes. A viewer does not read logs, since engines write prompts into them. `admin` is a scope like the
 * others (tokens, backups, whatever reaches out of this server) and implies none of them.
 */
export const roleScopes: Readonly<Record<Role, readonly Scope[]>> = {
  viewer,
  operator: [...viewer, "read:logs", "write:models", "write:deployments", "write:alerts", "write:activities"],
  admin: accessScope.options,
};
