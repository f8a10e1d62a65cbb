/** Seconds a browser may remember a preflight's answer; Chromium's own limit. */
const PREFLIGHT_MAX_AGE_S = 7_200;

/**
 * What lets a page of an allowed origin poll. Never with credentials: a token travels in the handshake's payload, and
 * cookies are not used.
 */
export function corsHeaders(allowed: readonly string[], origin: string | null): readonly (readonly [string, string])[] {
  if (allowed.length === 0) return [];
  if (allowed.includes("*")) return [["Access-Control-Allow-Origin", "*"]];
  // The answer differs by origin also where there is nothing to allow.
  const vary = ["Vary", "Origin"] as const;
  return origin !== null && allowed.includes(origin) ? [["Access-Control-Allow-Origin", origin], vary] : [vary];
}

/** Answers `OPTIONS`; an origin that is not allowed gets no headers, so its browser stops there. */
export function preflight(allowed: readonly string[], request: Headers): Response {
  const headers = new Headers();
  for (const [name, value] of corsHeaders(allowed, request.get("origin"))) headers.append(name, value);
  if (headers.has("Access-Control-Allow-Origin")) {
    headers.set("Access-Control-Allow-Methods", "GET, POST");
    headers.set("Access-Control-Allow-Headers", "Authorization, Content-Type");
    headers.set("Access-Control-Max-Age", String(PREFLIGHT_MAX_AGE_S));
  }
  return new Response(null, { status: 204, headers });
}

/** `response` with the headers that let the page read it. */
export function withCors(response: Response, allowed: readonly string[], origin: string | null): Response {
  const cors = corsHeaders(allowed, origin);
  if (cors.length === 0) return response;
  const headers = new Headers(response.headers);
  for (const [name, value] of cors) headers.append(name, value);
  return new Response(response.body, { status: response.status, headers });
}
