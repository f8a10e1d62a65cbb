import type { Logger } from "@logtape/logtape";
import { type Clock, every } from "../clock.ts";
import { eventStreamName, type StateStreamName, streamName } from "../contract/index.ts";
import type { Io, IoSocket } from "./io.ts";
import { TopicAdapter } from "./topic-adapter.ts";
import { type Connection, webSocketOf } from "./web-socket.ts";

/** Milliseconds between two looks at what is unsent. */
const LOOK_MS = 250;

/** "Try again later" in the registry of WebSocket close codes; clients reconnect and catch up. */
const TRY_AGAIN_LATER = 1013;

/** Milliseconds a closing WebSocket may still take for its backlog before it is cut and its memory returned. */
const CLOSE_GRACE_MS = 5_000;

/** What a packet that waits for a poll costs besides its text, roughly; bounds how many empty ones may pile up. */
const PACKET_OVERHEAD_BYTES = 128;

const stateStreams: readonly StateStreamName[] = streamName.exclude(eventStreamName.options).options;

export interface SlowConsumersParts {
  readonly io: Io;
  readonly clock: Clock;
  readonly log: Logger;
  /** Unsent bytes above which a client is left out of state updates. */
  readonly lagBytes: number;
  /** Unsent bytes above which a client is disconnected. */
  readonly backlogBytes: number;
  /** Sends a client that has caught up the state it was left out of. */
  readonly snapshot: (socket: IoSocket, stream: StateStreamName) => void;
}

/**
 * Bounds what the server holds for a client that does not keep up.
 *
 * Above `lagBytes` unsent it is left out of state updates, of which only the last matters anyway; once half of that is
 * sent it gets the current state and is back. Above `backlogBytes` it is disconnected with a reason, and catches up by
 * replay when it reconnects, so that it never misses an event without knowing.
 */
export class SlowConsumers implements Disposable {
  readonly #parts: SlowConsumersParts;
  readonly #adapter: TopicAdapter;
  /** Who is left out of state updates. */
  readonly #lagging = new Set<IoSocket>();
  readonly #cuts = new Set<Disposable>();
  readonly #onConnection = (socket: IoSocket) => this.#watch(socket);
  #looks: Disposable | undefined;
  #disconnected = 0;

  constructor(parts: SlowConsumersParts) {
    const { adapter } = parts.io.of("/");
    if (!(adapter instanceof TopicAdapter)) throw new TypeError("SlowConsumers needs the topic adapter");
    this.#parts = parts;
    this.#adapter = adapter;
    parts.io.on("connection", this.#onConnection);
  }

  /** Clients disconnected so far because they did not keep up. */
  get disconnected(): number {
    return this.#disconnected;
  }

  /** Clients that are left out of state updates now. */
  get lagging(): number {
    return this.#lagging.size;
  }

  [Symbol.dispose](): void {
    this.#parts.io.off("connection", this.#onConnection);
    this.#looks?.[Symbol.dispose]();
    for (const cut of this.#cuts) cut[Symbol.dispose]();
  }

  #watch(socket: IoSocket): void {
    this.#looks ??= every(this.#parts.clock, LOOK_MS, () => this.#look(), this.#onError);
    socket.on("disconnect", () => {
      if (!this.#lagging.delete(socket)) return;
      this.#parts.log.info("{session} at {address} went away while it lagged behind", describe(socket));
    });
  }

  #look(): void {
    const { io, lagBytes, backlogBytes } = this.#parts;
    const { sockets } = io.of("/");
    for (const socket of sockets.values()) {
      const unsent = unsentBytes(socket);
      if (unsent > backlogBytes) this.#disconnect(socket, unsent);
      else if (unsent > lagBytes) this.#leaveOut(socket, unsent);
      else if (unsent <= lagBytes / 2 && this.#lagging.has(socket)) this.#takeBack(socket);
    }
    if (sockets.size > 0) return;
    this.#looks?.[Symbol.dispose]();
    this.#looks = undefined;
  }

  #leaveOut(socket: IoSocket, unsent: number): void {
    // At every look, since it may have subscribed to another state meanwhile.
    for (const stream of stateStreams) this.#adapter.skip(socket.id, stream);
    if (this.#lagging.has(socket)) return;
    this.#lagging.add(socket);
    this.#parts.log.debug("{session} at {address} lags behind: {unsent} bytes unsent", { ...describe(socket), unsent });
  }

  #takeBack(socket: IoSocket): void {
    this.#lagging.delete(socket);
    for (const stream of stateStreams) {
      if (!this.#adapter.unskip(socket.id, stream)) continue;
      this.#parts.snapshot(socket, stream);
    }
  }

  #disconnect(socket: IoSocket, unsent: number): void {
    const { clock, log, backlogBytes } = this.#parts;
    this.#disconnected += 1;
    this.#lagging.delete(socket);
    log.warning("Disconnected {session} at {address}: {unsent} bytes unsent, more than SOCKET_BACKLOG_BYTES={limit}", {
      ...describe(socket),
      unsent,
      limit: backlogBytes,
    });
    const { conn } = socket;
    const webSocket = webSocketOf(conn.transport);
    webSocket?.close(TRY_AGAIN_LATER, "Too slow: reconnect to catch up");
    // Where there is none, or it is not closed at once: what waits for a poll is given up, and the engine lets go.
    const waiting = writeBufferOf(conn);
    waiting.length = 0;
    conn.close(true);
    if (!webSocket) return;
    const cut = clock.after(CLOSE_GRACE_MS, () => {
      this.#cuts.delete(cut);
      webSocket.terminate();
    });
    this.#cuts.add(cut);
  }

  readonly #onError = (error: unknown) => this.#parts.log.error("Looking for slow clients failed: {error}", { error });
}

/** Bytes the server holds for a client because its connection does not take them, on any transport. */
export function unsentBytes(socket: IoSocket): number {
  const { conn } = socket;
  const webSocket = webSocketOf(conn.transport);
  let bytes = 0;
  if (webSocket) bytes = "getBufferedAmount" in webSocket ? webSocket.getBufferedAmount() : webSocket.bufferedAmount;
  for (const { data } of writeBufferOf(conn)) bytes += PACKET_OVERHEAD_BYTES + (data?.length ?? 0);
  return bytes;
}

/** Both engines keep what waits for the transport in a private field of this name. */
function writeBufferOf(connection: Connection): { readonly data?: { readonly length: number } }[] {
  return Reflect.get(connection, "writeBuffer");
}

function describe(socket: IoSocket): { session: string; address: string } {
  return { session: socket.data.sessionId, address: socket.handshake.address };
}
