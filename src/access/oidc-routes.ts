import type { OpenAPIHono } from "@hono/zod-openapi";
import type { Context } from "hono";
import { html } from "hono/html";
import { parse, serialize } from "hono/utils/cookie";
import type { Access } from "./access.ts";
import { keepCookie } from "./cookies.ts";
import { type OidcSignIn, SignInError } from "./oidc.ts";

/** Where a browser begins a sign-in, and where the provider sends it back to. */
export const OIDC_BEGIN = "/auth/oidc";
export const OIDC_CALLBACK = "/auth/oidc/callback";

/** Seconds the cookie of a sign-in is kept; the sign-in itself is over before. */
const COOKIE_S = 900;
const COOKIE = "llmm_oidc";

/**
 * Mounts sign-in at an OpenID Connect provider: two addresses that a browser visits, no part of the API.
 *
 * The provider sends browsers back to the address under which they came. It is one that the server answers to, and the
 * provider takes none that was not registered with it.
 */
export function mountOidc(
  app: OpenAPIHono,
  parts: {
    readonly signIn: OidcSignIn;
    readonly access: Pick<Access, "openSession">;
    readonly log: { warning(message: string, properties: Record<string, unknown>): void };
  },
): void {
  const { signIn, access, log } = parts;

  app.get(OIDC_BEGIN, (c) =>
    answering(c, log, async () => {
      const base = `${c.get("peer").secure ? "https" : "http"}://${c.req.header("host")}`;
      const { location, browserSecret } = await signIn.begin(new URL(OIDC_CALLBACK, base).href);
      return c.body(null, 302, { location, "set-cookie": cookie(c, browserSecret), "cache-control": "no-store" });
    }),
  );

  app.get(OIDC_CALLBACK, (c) =>
    answering(c, log, async () => {
      const secret = parse(c.req.header("cookie") ?? "", COOKIE)[COOKIE];
      const holder = await signIn.finish(new URL(c.req.url).searchParams, secret);
      const peer = c.get("peer");
      const session = access.openSession(holder, peer);
      const answer = c.body(null, 302, { location: "/", "cache-control": "no-store" });
      answer.headers.append("set-cookie", keepCookie(c.req.header("host") ?? null, peer, session.secret));
      answer.headers.append("set-cookie", cookie(c, "", 0));
      return answer;
    }),
  );
}

/** Lax, since the provider sends the browser back from another site; of no use without the sign-in it belongs to. */
function cookie(c: Context, value: string, maxAge = COOKIE_S): string {
  return serialize(COOKIE, value, {
    path: OIDC_BEGIN,
    httpOnly: true,
    sameSite: "Lax",
    secure: c.get("peer").secure,
    maxAge,
  });
}

/** What fails is shown to the person as a page with a way back. */
async function answering(
  c: Context,
  log: { warning(message: string, properties: Record<string, unknown>): void },
  work: () => Promise<Response>,
): Promise<Response> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof SignInError)) throw error;
    log.warning("A sign-in from {address} failed: {reason}", { address: c.get("peer").address, reason: error.message });
    const page = html`<!doctype html>
      <html lang="en">
        <head><meta charset="utf-8" /><title>Sign-in failed</title></head>
        <body><h1>Sign-in failed</h1><p>${error.message}</p><p><a href="/">Back</a></p></body>
      </html>`;
    return c.html(page, 403, { "cache-control": "no-store" });
  }
}
