import type { IncomingMessage, ServerResponse } from "node:http";
import { Server as Engine } from "engine.io";
import { corsHeaders, preflight, withCors } from "./cors.ts";
import { plainAddress, refuseMalformed, shuttingDown } from "./engine-requests.ts";
import type { HostOptions } from "./host.ts";

type Upgrade = Parameters<Engine["handleUpgrade"]>[1];

/** Smallest message in bytes that is worth compressing. */
const COMPRESSION_THRESHOLD = 1_024;

/**
 * Milliseconds a closing session waits for one more poll to say so; a living client polls again at once. The engine's
 * 30 s keep memory, and at the end the process, that much longer.
 */
const POLLING_CLOSE_MS = 2_000;

/** Engine.IO's own server behind the same checks as the one for Bun. */
export class NodeEngine {
  readonly #options: HostOptions;
  readonly #engine: Engine;
  #accepting = true;

  constructor(options: HostOptions) {
    const { socket, io } = options;
    this.#options = options;
    const compression = socket.compression && { threshold: COMPRESSION_THRESHOLD };
    this.#engine = new Engine({
      pingInterval: socket.pingIntervalMs,
      pingTimeout: socket.pingTimeoutMs,
      maxHttpBufferSize: socket.maxPayloadBytes,
      perMessageDeflate: compression,
      httpCompression: compression,
    });
    this.#engine.on("connection", ({ transport }) => {
      if ("closeTimeout" in transport) Object.assign(transport, { closeTimeout: POLLING_CLOSE_MS });
    });
    io.bind(this.#engine);
  }

  /** From now on nobody new gets in; who is connected goes on. */
  stopAccepting(): void {
    this.#accepting = false;
  }

  /** @returns the answer, where it is not the engine's to give. */
  request(request: IncomingMessage, response: ServerResponse, query: URLSearchParams): Response | undefined {
    const headers = headersOf(request);
    const { corsOrigins } = this.#options.socket;
    const origin = headers.get("origin");
    if (request.method === "OPTIONS") return preflight(corsOrigins, headers);
    const refused = this.#refuse(request, query, headers);
    if (refused) return withCors(refused, corsOrigins, origin);
    for (const [name, value] of corsHeaders(corsOrigins, origin)) response.setHeader(name, value);
    this.#engine.handleRequest(request, response);
    return undefined;
  }

  /** @returns the answer, where the request does not become a WebSocket. */
  upgrade(request: IncomingMessage, socket: Upgrade, head: Buffer, query: URLSearchParams): Response | undefined {
    const refused = this.#refuse(request, query, headersOf(request));
    if (refused) return refused;
    this.#engine.handleUpgrade(request, socket, head);
    return undefined;
  }

  #refuse(request: IncomingMessage, query: URLSearchParams, headers: Headers): Response | undefined {
    const { admit, socket } = this.#options;
    const refused =
      admit(headers, { address: peerOf(request), handshake: !query.get("sid") }) ??
      refuseMalformed({ method: request.method ?? "", query, headers }, socket.maxPayloadBytes);
    if (refused) return refused;
    return query.get("sid") || this.#accepting ? undefined : shuttingDown();
  }
}

/** The peer's address, which is gone once the connection is. */
export function peerOf(request: { readonly socket: { readonly remoteAddress?: string | undefined } }): string {
  return plainAddress(request.socket.remoteAddress);
}

function headersOf(request: IncomingMessage): Headers {
  const headers = new Headers();
  for (const [name, values] of Object.entries(request.headersDistinct)) {
    for (const value of values ?? []) headers.append(name, value);
  }
  return headers;
}
