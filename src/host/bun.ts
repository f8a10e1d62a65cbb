import { BunEngine, type SocketData } from "./bun-engine.ts";
import { badHost, internalError, isHost, plainAddress } from "./engine-requests.ts";
import type { Host, HostOptions, Listening, Topics } from "./host.ts";
import { listenError } from "./listen-error.ts";

/** Most seconds that Bun lets an idle HTTP connection, or an idle WebSocket, be configured for. */
const MAX_HTTP_IDLE_S = 255;
const MAX_SOCKET_IDLE_S = 960;
/** Least seconds, however short the heartbeat: other requests are on the same listener. */
const MIN_IDLE_S = 30;

/** Bun.serve with Socket.IO's engine for Bun. Listens once. */
export function bunHost(): Host {
  let engine: BunEngine | undefined;
  let server: Bun.Server<SocketData> | undefined;
  const topics: Topics = {
    publish: (topic, data, compress) => void server?.publish(topic, data, compress),
    subscribe: (connection, topic) => engine?.socketOf(connection)?.subscribe(topic) ?? false,
    unsubscribe: (connection, topic) => void engine?.socketOf(connection)?.unsubscribe(topic),
  };
  return {
    name: "bun",
    topics,
    async listen(options) {
      engine = new BunEngine(options);
      server = serve(options, engine);
      return listening(server, engine, options.hostname);
    },
  };
}

function serve(options: HostOptions, engine: BunEngine): Bun.Server<SocketData> {
  const { path, pingIntervalMs, pingTimeoutMs, maxPayloadBytes, backlogBytes, compression } = options.socket;
  // A connection whose heartbeat is in order is never idle this long.
  const idleSeconds = Math.max(MIN_IDLE_S, Math.ceil((pingIntervalMs + pingTimeoutMs) / 1_000));
  try {
    return Bun.serve<SocketData>({
      hostname: options.hostname,
      port: options.port,
      development: false,
      // Without it Bun shares the port with whoever holds it when `development` is off, and requests go to either.
      reusePort: false,
      idleTimeout: Math.min(idleSeconds, MAX_HTTP_IDLE_S),
      fetch(request, server) {
        const address = plainAddress(server.requestIP(request)?.address);
        // Without a usable Host header Bun puts the bare path where the URL should be.
        const url = isHost(request.headers.get("host")) ? URL.parse(request.url) : null;
        if (!url) return badHost();
        if (url.pathname === path) return engine.handle(request, url, address, server);
        return options.fetch(request, { address });
      },
      error(error) {
        options.onError(error);
        return internalError();
      },
      websocket: {
        open: (ws) => engine.open(ws),
        message: (ws, message) => engine.message(ws, message),
        close: (ws, code, reason) => engine.close(ws, code, reason),
        maxPayloadLength: maxPayloadBytes,
        perMessageDeflate: compression,
        // What is over the limit is dropped and the connection closed, so nobody misses an event unknowingly.
        backpressureLimit: 2 * backlogBytes,
        closeOnBackpressureLimit: true,
        idleTimeout: Math.min(idleSeconds, MAX_SOCKET_IDLE_S),
        // Engine.IO has a heartbeat of its own.
        sendPings: false,
      },
    });
  } catch (error) {
    throw listenError(options.hostname, options.port, error);
  }
}

function listening(server: Bun.Server<SocketData>, engine: BunEngine, hostname: string): Listening {
  return {
    hostname,
    port: server.port ?? 0,
    async close(deadlineMs) {
      engine.stopAccepting();
      const ended = server.stop(false);
      let timer: ReturnType<typeof setTimeout> | undefined;
      const deadline = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, deadlineMs);
      });
      await Promise.race([ended, deadline]);
      clearTimeout(timer);
      await server.stop(true);
    },
  };
}
