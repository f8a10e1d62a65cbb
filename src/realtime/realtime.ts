import type { Logger } from "@logtape/logtape";
import { Server } from "socket.io";
import type { Limits } from "../access/limits.ts";
import type { LiveCallers } from "../access/live.ts";
import type { Clock } from "../clock.ts";
import type { Config } from "../config.ts";
import { type ModelStatus, streamName } from "../contract/index.ts";
import type { Topics } from "../host/host.ts";
import type { Resources } from "../resources/sampler.ts";
import type { Bus } from "../store/bus.ts";
import { serveConnections, subscriberOf } from "./connections.ts";
import { drained } from "./drained.ts";
import type { Io } from "./io.ts";
import type { LogSource } from "./log-subscriptions.ts";
import { type EventLogs, Publisher } from "./publisher.ts";
import { Recovery } from "./recovery.ts";
import { SlowConsumers, unsentBytes } from "./slow-consumers.ts";
import { stateStreams } from "./state-streams.ts";
import { topicAdapter } from "./topic-adapter.ts";

/** Where Socket.IO answers. */
export const SOCKET_PATH = "/socket.io/";

/**
 * Milliseconds a connection may take to name its namespace; Socket.IO's default of 45 s lets a flood of half-open
 * connections pile up.
 */
const CONNECT_TIMEOUT_MS = 10_000;

export interface RealtimeParts {
  readonly config: Config;
  readonly bus: Bus;
  readonly logs: EventLogs;
  readonly deploymentLogs: LogSource;
  readonly resources: Resources;
  readonly modelStatus: () => ModelStatus;
  readonly topics: Topics | undefined;
  readonly clock: Clock;
  readonly log: Logger;
  /** Lets a connection in, or refuses it with an error whose `data` the client sees. */
  readonly authorize: Parameters<Io["use"]>[0];
  readonly live: Pick<LiveCallers, "add">;
  readonly limits: Pick<Limits, "connection" | "connected">;
}

export interface RealtimeFigures {
  readonly clients: { readonly websocket: number; readonly polling: number };
  /** By stream. */
  readonly subscriptions: Readonly<Record<string, number>>;
  readonly unsentBytes: number;
  /** Clients disconnected so far because they did not keep up. */
  readonly slowDisconnected: number;
}

/** The Socket.IO side: five streams, their subscriptions, and what happens to those who cannot keep up. */
export class Realtime implements AsyncDisposable {
  readonly io: Io;
  readonly #stack = new DisposableStack();
  readonly #slow: SlowConsumers;

  constructor(parts: RealtimeParts) {
    const { config, clock, log, logs } = parts;
    const onError = (error: unknown) => log.error("A realtime task failed: {error}", { error });
    const recovers = config.socketRecoveryMs > 0;
    this.io = new Server({
      path: SOCKET_PATH,
      pingInterval: config.socketPingIntervalMs,
      pingTimeout: config.socketPingTimeoutMs,
      maxHttpBufferSize: config.socketMaxPayloadBytes,
      connectTimeout: CONNECT_TIMEOUT_MS,
      serveClient: false,
      adapter: topicAdapter({
        topics: parts.topics,
        sessions: recovers ? new Recovery({ logs, clock, keepMs: config.socketRecoveryMs }) : undefined,
        compress: config.socketCompression,
      }),
      ...(recovers && {
        // Middlewares run again: a token that was revoked meanwhile must not come back in.
        connectionStateRecovery: { maxDisconnectionDuration: config.socketRecoveryMs, skipMiddlewares: false },
      }),
    });
    this.io.use(parts.authorize);
    this.io.use((socket, next) => {
      const refusal = parts.limits.connection(socket.data.caller.address);
      if (!refusal) return next();
      next(Object.assign(new Error(refusal.code), { data: { code: refusal.code, message: refusal.message } }));
    });
    const states = stateStreams({ resources: parts.resources, modelStatus: parts.modelStatus, clock, onError });
    const publisher = this.#stack.use(
      new Publisher({ io: this.io, bus: parts.bus, logs, states, clock, recovery: recovers }),
    );
    serveConnections(this.io, {
      logs,
      deploymentLogs: parts.deploymentLogs,
      clock,
      states,
      eventsPerSecond: config.socketEventsPerSecond,
      offset: recovers ? () => publisher.offset() : undefined,
      drained: (socket) => drained(socket, unsentBytes, config.socketLagBytes, clock),
      onError,
      live: parts.live,
      limits: parts.limits,
      bytesPerSecond: config.socketBytesPerSecond,
      onAbuse: (socket) =>
        log.warning("Disconnected {session} at {address}: too many mistakes", {
          session: socket.data.sessionId,
          address: socket.handshake.address,
        }),
    });
    this.#slow = this.#stack.use(
      new SlowConsumers({
        io: this.io,
        clock,
        log,
        lagBytes: config.socketLagBytes,
        backlogBytes: config.socketBacklogBytes,
        snapshot: (socket, stream) => subscriberOf(socket)?.snapshot(stream),
      }),
    );
  }

  /** Who is connected and subscribed now, and what waits for them. */
  figures(): RealtimeFigures {
    const { sockets, adapter } = this.io.of("/");
    const clients = { websocket: 0, polling: 0 };
    let unsent = 0;
    for (const socket of sockets.values()) {
      clients[socket.conn.transport.name === "polling" ? "polling" : "websocket"]++;
      unsent += unsentBytes(socket);
    }
    const subscriptions = Object.fromEntries(
      streamName.options.map((stream) => [stream, adapter.rooms.get(stream)?.size ?? 0]),
    );
    return { clients, subscriptions, unsentBytes: unsent, slowDisconnected: this.#slow.disconnected };
  }

  /** Stops pushing, tells every client that the server goes away, and closes their connections. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stack.dispose();
    this.io.emit("server_shutdown", { message: "The server is shutting down." });
    this.io.disconnectSockets(true);
    await this.io.close();
  }
}
