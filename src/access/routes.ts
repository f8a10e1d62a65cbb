import type { OpenAPIHono } from "@hono/zod-openapi";
import type { Context } from "hono";
import { isoTime } from "../clock.ts";
import type { SessionInfo, SignInMethods } from "../contract/index.ts";
import {
  createTokenRoute,
  getSessionRoute,
  listTokensRoute,
  revokeTokenRoute,
  signInMethodsRoute,
  signInRoute,
  signOutRoute,
} from "../contract/rest/access.ts";
import type { Access, Shown } from "./access.ts";
import { actorOf, type Caller } from "./caller.ts";
import { dropCookie, keepCookie } from "./cookies.ts";

export function mountAccess(app: OpenAPIHono, access: Access, methods: SignInMethods): void {
  app.openapi(signInMethodsRoute, (c) => c.json(methods, 200));
  app.openapi(listTokensRoute, (c) => c.json(access.tokens.list(c.req.valid("query")), 200));
  app.openapi(createTokenRoute, (c) => {
    const caller = c.get("caller");
    const by = { scopes: caller.scopes, actor: actorOf(caller) };
    return c.json(access.tokens.create(c.req.valid("json"), by), 201, { "cache-control": "no-store" });
  });
  app.openapi(revokeTokenRoute, (c) => {
    const { force } = c.req.valid("query");
    const { token_id } = c.req.valid("param");
    return c.json(access.revokeToken(token_id, { force, actor: actorOf(c.get("caller")) }), 200);
  });
  app.openapi(signInRoute, (c) => {
    const peer = c.get("peer");
    const { caller, secret } = access.signIn(c.req.valid("json").token, peer);
    const cookie = keepCookie(c.req.raw.headers.get("host"), peer, secret);
    return c.json(infoOf(caller), 201, { "set-cookie": cookie, "cache-control": "no-store" });
  });
  app.openapi(getSessionRoute, (c) => c.json(infoOf(c.get("caller")), 200, { "cache-control": "no-store" }));
  app.openapi(signOutRoute, (c) => {
    access.signOut(shownBy(c));
    return c.body(null, 204, { "set-cookie": dropCookie(c.req.raw.headers.get("host"), c.get("peer")) });
  });
}

function shownBy(c: Context): Shown {
  return { headers: c.req.raw.headers, peer: c.get("peer"), changes: true };
}

function infoOf({ kind, name, role, scopes, expiresAt }: Caller): SessionInfo {
  return { kind, name, role, scopes: [...scopes], expires_at: expiresAt === null ? null : isoTime(expiresAt) };
}
