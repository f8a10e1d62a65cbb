import { parse, serialize } from "hono/utils/cookie";
import type { Peer } from "./caller.ts";

/**
 * What the session's cookie is called. Over TLS `__Host-` makes browsers insist that it came from this very host and
 * over TLS. Without, the port is part of the name: cookies know no ports, and two servers on one machine would sign each
 * other's users out.
 */
export function cookieName(host: string | null, secure: boolean): string {
  if (secure) return "__Host-llmm_session";
  const port = /:(\d{1,5})$/.exec(host ?? "")?.[1] ?? "80";
  return `llmm_session_${port}`;
}

/** The session's secret in the Cookie header of a request. */
export function sessionSecret(headers: Headers, peer: Peer): string | undefined {
  const cookies = headers.get("cookie");
  if (cookies === null) return undefined;
  const name = cookieName(headers.get("host"), peer.secure);
  return parse(cookies, name)[name];
}

/** A `Set-Cookie` that keeps `secret` until the browser is closed, out of reach of scripts and other sites. */
export function keepCookie(host: string | null, peer: Peer, secret: string): string {
  return cookie(host, peer, secret);
}

/** A `Set-Cookie` that makes the browser forget it. */
export function dropCookie(host: string | null, peer: Peer): string {
  return cookie(host, peer, "", 0);
}

function cookie(host: string | null, { secure }: Peer, value: string, maxAge?: number): string {
  return serialize(cookieName(host, secure), value, {
    path: "/",
    httpOnly: true,
    sameSite: "Strict",
    secure,
    ...(maxAge !== undefined && { maxAge }),
  });
}
