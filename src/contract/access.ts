import { z } from "@hono/zod-openapi";
import { numberedId, timestamp } from "./primitives.ts";

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

export const tokenId = numberedId("tok-");

/** What lets somebody in, without the secret itself. */
export const token = z
  .object({
    token_id: tokenId,
    name: z.string(),
    /** Null where the scopes were chosen one by one. */
    role: role.nullable(),
    scopes: z.array(accessScope),
    state: z.enum(["active", "expired", "revoked"]),
    created_at: timestamp,
    /** Null: it does not expire. */
    expires_at: timestamp.nullable(),
    /** Kept to the minute. */
    last_used_at: timestamp.nullable(),
    revoked_at: timestamp.nullable(),
  })
  .openapi("Token");
export type Token = z.infer<typeof token>;

/** Ten years, in seconds: longer is for ever, which is said by leaving the expiry out. */
const LONGEST_EXPIRY_S = 315_360_000;

export const createToken = z
  .strictObject({
    name: z.string().trim().min(1, "must not be empty").max(64, "must be at most 64 characters"),
    role: role.optional(),
    scopes: z.array(accessScope).min(1, "must name at least one scope").max(accessScope.options.length).optional(),
    expires_in_seconds: z.number().int().min(1).max(LONGEST_EXPIRY_S).optional(),
  })
  .refine((input) => (input.role === undefined) !== (input.scopes === undefined), {
    error: "is needed, or scopes instead, and not both",
    path: ["role"],
  })
  .openapi("CreateToken");
export type CreateToken = z.infer<typeof createToken>;

/** The only answer that ever holds the secret. */
export const createdToken = token.extend({ token: z.string().startsWith("llmm_") }).openapi("CreatedToken");
export type CreatedToken = z.infer<typeof createdToken>;

/**
 * How somebody was let in: because the server is `open` to its own machine, by a `token` (`AUTH_TOKEN` among them), by a
 * browser's `session`, or at the `console`, by who can write the data directory.
 */
export const callerKind = z.enum(["open", "token", "session", "console"]);
export type CallerKind = z.infer<typeof callerKind>;

/** Who did something, as an activity's `extra_data.actor` tells it. */
export const actor = z
  .object({
    kind: callerKind,
    name: z.string(),
    role: role.nullable(),
    /** Where the request came from; null at the console. */
    address: z.string().nullable(),
  })
  .openapi("Actor");
export type Actor = z.infer<typeof actor>;

export const createSession = z
  .strictObject({ token: z.string().min(1, "must not be empty").max(512, "must be at most 512 characters") })
  .openapi("CreateSession");

/** What a sign-in form offers besides the token. */
export const signInMethods = z
  .object({
    /** A provider's page for a browser to visit; null where none is configured. */
    oidc: z.object({ name: z.string(), url: z.string() }).nullable(),
  })
  .openapi("SignInMethods");
export type SignInMethods = z.infer<typeof signInMethods>;

/** Who the server takes the caller for. */
export const session = z
  .object({
    kind: callerKind,
    name: z.string(),
    role: role.nullable(),
    scopes: z.array(accessScope),
    /** When it ends whatever happens; a browser's session also ends when it is not used. */
    expires_at: timestamp.nullable(),
  })
  .openapi("Session");
export type SessionInfo = z.infer<typeof session>;

/** Why a connection was ended that was let in before. */
export const accessEnded = z
  .object({
    code: z.enum(["token_revoked", "token_expired", "signed_out", "session_expired"]),
    message: z.string(),
  })
  .openapi("AccessEnded");
export type AccessEnded = z.infer<typeof accessEnded>;
