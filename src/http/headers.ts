import type { MiddlewareHandler } from "hono";
import { cors } from "hono/cors";
import { secureHeaders } from "hono/secure-headers";

/**
 * Headers that keep a hostile page, or a hole in ours, from doing harm. Scripts and styles are our own files only.
 *
 * @param hsts whether browsers are told never to come by plain HTTP again.
 */
export function securityHeaders(hsts: boolean): MiddlewareHandler {
  return secureHeaders({
    contentSecurityPolicy: {
      defaultSrc: ["'self'"],
      imgSrc: ["'self'", "data:"],
      objectSrc: ["'none'"],
      baseUri: ["'none'"],
      formAction: ["'none'"],
      frameAncestors: ["'none'"],
    },
    xFrameOptions: "DENY",
    referrerPolicy: "no-referrer",
    crossOriginResourcePolicy: "same-origin",
    // A name that browsers were told this of takes every other plain service on the machine with it, so it is asked for.
    strictTransportSecurity: hsts ? "max-age=31536000" : false,
  });
}

/** CORS for the origins that were allowed by name; every other page gets no header and was refused before this. */
export function crossOrigin(origins: readonly string[]): MiddlewareHandler {
  return cors({
    origin: origins.includes("*") ? "*" : [...origins],
    allowMethods: ["GET", "POST", "PATCH", "DELETE"],
    allowHeaders: ["authorization", "content-type"],
    exposeHeaders: ["x-request-id"],
    maxAge: 600,
  });
}
