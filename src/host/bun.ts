import { BunEngine, type SocketData } from "./bun-engine.ts";
import { BunServers } from "./bun-servers.ts";
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
  let servers: BunServers<SocketData> | undefined;
  const topics: Topics = {
    publish: (topic, data, compress) => servers?.publish(topic, data, compress),
    subscribe: (connection, topic) => engine?.socketOf(connection)?.subscribe(topic) ?? false,
    unsubscribe: (connection, topic) => void engine?.socketOf(connection)?.unsubscribe(topic),
  };
  return {
    name: "bun",
    topics,
    async listen(options) {
      const own = new BunEngine(options);
      engine = own;
      try {
        servers = new BunServers(options, (address, tls) =>
          Bun.serve<SocketData>({ ...serving(options, own), ...address, ...(tls && { tls }) }),
        );
      } catch (error) {
        throw listenError(options.hostname, options.port, error);
      }
      return listening(servers, own, options.hostname);
    },
  };
}

/** All of a server but where it listens and how it proves who it is. */
function serving(options: HostOptions, engine: BunEngine) {
  const { path, pingIntervalMs, pingTimeoutMs, maxPayloadBytes, backlogBytes, compression } = options.socket;
  // A connection whose heartbeat is in order is never idle this long.
  const idleSeconds = Math.max(MIN_IDLE_S, Math.ceil((pingIntervalMs + pingTimeoutMs) / 1_000));
  return {
    development: false,
    idleTimeout: Math.min(idleSeconds, MAX_HTTP_IDLE_S),
    fetch(request: Request, server: Bun.Server<SocketData>) {
      const address = plainAddress(server.requestIP(request)?.address);
      // Without a usable Host header Bun puts the bare path where the URL should be.
      const url = isHost(request.headers.get("host")) ? URL.parse(request.url) : null;
      if (!url) return badHost();
      if (url.pathname === path) return engine.handle(request, url, address, server);
      return options.fetch(request, { address });
    },
    error(error: unknown) {
      options.onError(error);
      return internalError();
    },
    websocket: {
      open: (ws: Bun.ServerWebSocket<SocketData>) => engine.open(ws),
      message: (ws: Bun.ServerWebSocket<SocketData>, message: string | Buffer<ArrayBuffer>) =>
        engine.message(ws, message),
      close: (ws: Bun.ServerWebSocket<SocketData>, code: number, reason: string) => engine.close(ws, code, reason),
      maxPayloadLength: maxPayloadBytes,
      perMessageDeflate: compression,
      // What is over the limit is dropped and the connection closed, so nobody misses an event unknowingly.
      backpressureLimit: 2 * backlogBytes,
      closeOnBackpressureLimit: true,
      idleTimeout: Math.min(idleSeconds, MAX_SOCKET_IDLE_S),
      // Engine.IO has a heartbeat of its own.
      sendPings: false,
    },
  };
}

function listening(servers: BunServers<SocketData>, engine: BunEngine, hostname: string): Listening {
  return {
    hostname,
    port: servers.port,
    renew: (tls) => servers.renew(tls),
    async close(deadlineMs) {
      engine.stopAccepting();
      await servers.close(deadlineMs);
    },
  };
}
