/**
 * What is wrong with a request before any engine sees it.
 *
 * The engines disagree about broken requests (bun-engine throws on some, Node's answers 500 to others); here both
 * refuse the same ones in the same way: a 4xx in the shape Engine.IO gives its own errors.
 */

/** What both hosts know of a request to the engine. */
export interface EngineRequest {
  readonly method: string;
  readonly query: URLSearchParams;
  readonly headers: Headers;
}

/** Codes that Engine.IO clients know. */
const BAD_HANDSHAKE_METHOD = 2;
const BAD_REQUEST = 3;

/** 16 bytes in base64, as RFC 6455 (4.1) has it. */
const WEBSOCKET_KEY = /^[A-Za-z0-9+/]{22}==$/;

/** A name or an address with or without a port, as RFC 9110 (7.2) has it; a URL, a list or credentials are not. */
const HOST = /^(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?$/i;

/** Whether `host` can be the Host header of a request that is meant for this server. */
export function isHost(host: string | null | undefined): host is string {
  return host != null && HOST.test(host);
}

/** @returns the answer that refuses the request, or undefined when the engine may have it. */
export function refuseMalformed({ method, query, headers }: EngineRequest, maxBodyBytes: number): Response | undefined {
  const upgrade = headers.get("upgrade");
  const transport = query.get("transport");
  if (upgrade !== null) {
    const valid =
      method === "GET" &&
      upgrade.toLowerCase() === "websocket" &&
      transport === "websocket" &&
      headers.get("sec-websocket-version") === "13" &&
      WEBSOCKET_KEY.test(headers.get("sec-websocket-key") ?? "");
    return valid ? undefined : engineError(400, BAD_REQUEST, "Not a WebSocket handshake");
  }
  if (method !== "GET" && method !== "POST") return engineError(400, BAD_HANDSHAKE_METHOD, "Bad handshake method");
  if (transport === "websocket") return engineError(400, BAD_REQUEST, "The websocket transport needs an upgrade");
  if (Number(headers.get("content-length") ?? 0) > maxBodyBytes) return payloadTooLarge();
  return undefined;
}

export function payloadTooLarge(): Response {
  return engineError(413, BAD_REQUEST, "Payload too large");
}

export function badHost(): Response {
  return new Response("The Host header is not a host name.\n", { status: 400 });
}

/** For new connections while the server stops. */
export function shuttingDown(): Response {
  return new Response("The server is shutting down.\n", { status: 503, headers: { connection: "close" } });
}

/** Without a word about the cause: that is for the log. */
export function internalError(): Response {
  return new Response("Internal server error\n", { status: 500 });
}

function engineError(status: number, code: number, message: string): Response {
  return Response.json({ code, message }, { status });
}

/** The body, or undefined when it is larger than `limit`, however it is framed; the rest is not read then. */
export async function readBody(request: Request, limit: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body ?? []) {
    size += chunk.byteLength;
    if (size > limit) return undefined;
    chunks.push(chunk);
  }
  const body = new Uint8Array(size);
  let offset = 0;
  for (const chunk of chunks) {
    body.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return body;
}

/** An IPv4 address that reached an IPv6 listener, written as what it is. */
export function plainAddress(address: string | undefined): string {
  return address?.replace(/^::ffff:(?=\d+\.)/i, "") ?? "";
}
