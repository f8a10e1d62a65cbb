import { type BunWebSocket, Server as Engine, type WebSocketData } from "@socket.io/bun-engine";
import { corsHeaders, preflight, withCors } from "./cors.ts";
import { internalError, payloadTooLarge, readBody, refuseMalformed, shuttingDown } from "./engine-requests.ts";
import type { Connection, HostOptions } from "./host.ts";

/** What a WebSocket of this server carries; without a transport it was refused and is closed as it opens. */
export interface SocketData {
  readonly transport: WebSocketData["transport"] | undefined;
}

/** Policy violation: what a WebSocket gets that presents the session of another. */
const REFUSED = 1008;
const INTERNAL_ERROR = 1011;

/**
 * `@socket.io/bun-engine` with what it leaves open closed: broken requests are refused before it sees them, a body is
 * bounded however it is framed, a second WebSocket for one session is turned away, a connection knows its peer's
 * address, and frames are compressed where that is wanted.
 */
export class BunEngine {
  readonly #options: HostOptions;
  readonly #engine: Engine;
  readonly #addresses = new WeakMap<Request, string>();
  /** By session id: whether a WebSocket has already asked to take the session over. */
  readonly #sessions = new Map<string, { upgrading: boolean }>();
  readonly #sockets = new WeakMap<object, BunWebSocket>();
  #accepting = true;

  constructor(options: HostOptions) {
    const { socket, io } = options;
    this.#options = options;
    this.#engine = new Engine({
      path: socket.path,
      pingInterval: socket.pingIntervalMs,
      pingTimeout: socket.pingTimeoutMs,
      maxHttpBufferSize: socket.maxPayloadBytes,
      editResponseHeaders: (headers, request) => {
        headers.set("Cache-Control", "no-store");
        for (const [name, value] of corsHeaders(socket.corsOrigins, request.headers.get("origin"))) {
          headers.append(name, value);
        }
      },
    });
    this.#engine.on("connection", (connection, request) => {
      // Socket.IO reads it for `handshake.address`; it must be there before Socket.IO hears of the connection.
      Object.assign(connection, { remoteAddress: this.#addresses.get(request) });
      this.#sessions.set(connection.id, { upgrading: false });
      connection.once("close", () => this.#sessions.delete(connection.id));
    });
    io.bind(this.#engine);
  }

  /** From now on nobody new gets in; who is connected goes on. */
  stopAccepting(): void {
    this.#accepting = false;
  }

  /** The WebSocket that `connection` is on, if it is on one. */
  socketOf(connection: Connection): BunWebSocket | undefined {
    return this.#sockets.get(connection.transport);
  }

  /** @returns undefined when the request became a WebSocket. */
  async handle(
    request: Request,
    url: URL,
    address: string,
    server: Bun.Server<SocketData>,
  ): Promise<Response | undefined> {
    const { corsOrigins, maxPayloadBytes } = this.#options.socket;
    if (request.method === "OPTIONS") return preflight(corsOrigins, request.headers);
    const query = url.searchParams;
    const refused =
      this.#options.admit(request.headers, { address, handshake: !query.get("sid") }) ??
      refuseMalformed({ method: request.method, query, headers: request.headers }, maxPayloadBytes);
    if (refused) return withCors(refused, corsOrigins, request.headers.get("origin"));
    const sid = query.get("sid");
    if (!sid && !this.#accepting) return shuttingDown();
    if (sid && request.headers.has("upgrade")) {
      const session = this.#sessions.get(sid);
      if (session?.upgrading) return this.#refuseUpgrade(request, server);
      if (session) session.upgrading = true;
    }
    // A poll is held until there is something to say, at the latest a ping; the session's heartbeat watches over it.
    if (sid && request.method === "GET") server.timeout(request, 0);
    this.#addresses.set(request, address);
    try {
      const bounded = request.method === "POST" ? await bound(request, maxPayloadBytes) : request;
      if (!bounded) return withCors(payloadTooLarge(), corsOrigins, request.headers.get("origin"));
      // The engine's type wants every socket to have a transport; those it upgrades itself do.
      return await this.#engine.handleRequest(bounded, server as Bun.Server<WebSocketData>);
    } catch (error) {
      // A client that goes away while its body is read is no fault of the engine.
      if (!request.signal.aborted) this.#options.onError(error);
      return internalError();
    }
  }

  open(ws: Bun.ServerWebSocket<SocketData>): void {
    if (!hasTransport(ws)) {
      ws.close(REFUSED, "This session has a WebSocket already");
      return;
    }
    if (this.#options.socket.compression) {
      const send = ws.send;
      // The engine never asks for compression; Bun compresses only what is sent with this flag.
      ws.send = (data) => send.call(ws, data, true);
    }
    this.#sockets.set(ws.data.transport, ws);
    this.#engine.onWebSocketOpen(ws);
  }

  message(ws: Bun.ServerWebSocket<SocketData>, message: string | Buffer<ArrayBuffer>): void {
    if (!hasTransport(ws)) return;
    try {
      this.#engine.onWebSocketMessage(ws, message);
    } catch (error) {
      this.#options.onError(error);
      ws.close(INTERNAL_ERROR);
    }
  }

  close(ws: Bun.ServerWebSocket<SocketData>, code: number, reason: string): void {
    if (hasTransport(ws)) this.#engine.onWebSocketClose(ws, code, reason);
  }

  /** Accepted and closed at once, which a WebSocket client can tell from a server that is not there. */
  #refuseUpgrade(request: Request, server: Bun.Server<SocketData>): Response | undefined {
    return server.upgrade(request, { data: { transport: undefined } }) ? undefined : internalError();
  }
}

function hasTransport(ws: Bun.ServerWebSocket<SocketData>): ws is BunWebSocket {
  return ws.data.transport !== undefined;
}

/** The request with its body read, or undefined when that is too large. */
async function bound(request: Request, limit: number): Promise<Request | undefined> {
  const body = await readBody(request, limit);
  if (!body) return undefined;
  return new Request(request.url, { method: "POST", headers: request.headers, body, signal: request.signal });
}
