import {
  type EventStreamName,
  eventStreamName,
  type ReplayOptions,
  type Scope,
  type StateStreamName,
  type StreamName,
  type SubscriptionAck,
  type SubscriptionName,
  streamName,
  streams,
  subscribedMessage,
  unsubscribedMessage,
} from "../contract/index.ts";
import { stateEnvelope } from "./envelopes.ts";
import type { IoSocket } from "./io.ts";
import { type EventLogs, OFFSET_ROOM } from "./publisher.ts";
import { replay, replayStart } from "./replay.ts";
import type { StateStreams } from "./state-streams.ts";

export interface SubscriberParts {
  readonly logs: EventLogs;
  readonly states: StateStreams;
  /** Resolves when `socket` has little unsent; rejects when it is gone. */
  readonly drained: (socket: IoSocket) => Promise<void>;
  readonly onError: (error: unknown) => void;
}

/** `after` names an event this server has not sent. */
export class UnknownEventError extends Error {
  override readonly name = "UnknownEventError";
}

/** The caller may read nothing of what the subscription names. */
export class ForbiddenStreamError extends Error {
  override readonly name = "ForbiddenStreamError";
  /** What would be needed, of the first stream where there are several. */
  readonly scope: Scope;

  constructor(denied: Denied) {
    const needed = denied.map(({ event_type, scope }) => `${event_type} needs the scope ${scope}`).join(", ");
    super(`Not permitted: ${needed}.`);
    this.scope = denied[0].scope;
  }
}

type Denied = readonly [DeniedStream, ...DeniedStream[]];
type DeniedStream = NonNullable<SubscriptionAck["denied"]>[number];

/**
 * One connection's subscriptions. Being subscribed is being in the stream's room; between the acknowledgement and the
 * room lies the settling: the first snapshot, or the replay.
 */
export class Subscriber {
  readonly #socket: IoSocket;
  readonly #parts: SubscriberParts;
  readonly #settling = new Map<StreamName, AbortController>();

  constructor(socket: IoSocket, parts: SubscriberParts) {
    this.#socket = socket;
    this.#parts = parts;
  }

  /**
   * Subscribes, in the order the contract fixes: `acknowledge`, then a snapshot or the replay, then what comes live.
   * What is subscribed already is acknowledged again and nothing more.
   *
   * Of several streams those that the caller may read; the acknowledgement names the others.
   *
   * @throws UnknownEventError, ForbiddenStreamError
   */
  subscribe(name: SubscriptionName, options: ReplayOptions, acknowledge: (ack: SubscriptionAck) => void): void {
    const denied = this.#denied(name);
    const permitted = streamsOf(name).filter((stream) => !denied.some(({ event_type }) => event_type === stream));
    const wanted = permitted.filter((stream) => !this.#socket.rooms.has(stream) && !this.#settling.has(stream));
    const starts = new Map<EventStreamName, number>();
    for (const stream of wanted) {
      if (!isEventStream(stream) || options.after === undefined) continue;
      const start = replayStart(this.#parts.logs[stream], options.after);
      if (start === undefined) {
        const newest = this.#parts.logs[stream].newest();
        throw new UnknownEventError(
          `after is ${JSON.stringify(options.after)}, but ${stream} has no such event; its newest is number ${newest}, ` +
            `with ids like ${streams[stream].idPrefix}${Math.max(1, newest)}.`,
        );
      }
      starts.set(stream, start);
    }
    const ack = {
      event_type: name,
      message: subscribedMessage(name, denied),
      session_id: this.#socket.data.sessionId,
      ...(denied.length > 0 && { denied }),
    };
    const followsSeq = isEventStream(name) ? (starts.get(name) ?? this.#parts.logs[name].newest()) : undefined;
    const gone = isEventStream(name) ? this.#goneBefore(name, starts.get(name)) : undefined;
    acknowledge({
      ...ack,
      ...(followsSeq !== undefined && { seq: followsSeq }),
      ...(gone !== undefined && { gone_before: gone }),
    });
    for (const stream of wanted) {
      if (isEventStream(stream)) this.#joinEvents(stream, starts.get(stream));
      else this.#joinState(stream);
    }
  }

  /** Leaves the rooms, and ends what is still settling. */
  unsubscribe(name: SubscriptionName, acknowledge: (ack: SubscriptionAck) => void): void {
    for (const stream of streamsOf(name)) {
      this.#settling.get(stream)?.abort();
      this.#settled(stream);
      void this.#socket.leave(stream);
    }
    const { rooms } = this.#socket;
    if (!eventStreamName.options.some((stream) => rooms.has(stream) || this.#settling.has(stream))) {
      void this.#socket.leave(OFFSET_ROOM);
    }
    acknowledge({ event_type: name, message: unsubscribedMessage(name), session_id: this.#socket.data.sessionId });
  }

  /** The connection is gone: ends what is still settling. */
  close(): void {
    for (const settling of this.#settling.values()) settling.abort();
  }

  /** Sends the current state to this client alone, e.g. after it was too slow for the ticks. */
  snapshot(stream: StateStreamName): void {
    const frame = this.#parts.states[stream].latest();
    if (frame) this.#sendState(stream, frame);
  }

  /** Streams of `name` that the caller may not read. @throws ForbiddenStreamError where that is all of them. */
  #denied(name: SubscriptionName): DeniedStream[] {
    const { scopes } = this.#socket.data.caller;
    const all = streamsOf(name);
    const denied = all
      .filter((stream) => !scopes.has(streams[stream].scope))
      .map((stream) => ({ event_type: stream, scope: streams[stream].scope }));
    const [first, ...others] = denied;
    if (first && denied.length === all.length) throw new ForbiddenStreamError([first, ...others]);
    return denied;
  }

  /** The id of the oldest event kept, where a replay after `start` lacks some that were deleted. */
  #goneBefore(stream: EventStreamName, start: number | undefined): string | undefined {
    const oldest = this.#parts.logs[stream].oldest?.() ?? 0;
    return start !== undefined && start + 1 < oldest ? `${streams[stream].idPrefix}${oldest}` : undefined;
  }

  #joinState(stream: StateStreamName): void {
    const cached = this.#parts.states[stream].latest();
    if (cached) {
      this.#sendState(stream, cached);
      void this.#socket.join(stream);
      return;
    }
    this.#settle(stream, async (signal) => {
      const frame = await this.#parts.states[stream].sample();
      if (signal.aborted) return;
      this.#sendState(stream, frame);
      await this.#socket.join(stream);
    });
  }

  #joinEvents(stream: EventStreamName, start: number | undefined): void {
    void this.#socket.join(OFFSET_ROOM);
    if (start === undefined) {
      void this.#socket.join(stream);
      return;
    }
    this.#settle(stream, (signal) =>
      replay(this.#socket, stream, this.#parts.logs[stream], start, signal, () => this.#parts.drained(this.#socket)),
    );
  }

  #settle(stream: StreamName, work: (signal: AbortSignal) => Promise<void>): void {
    const controller = new AbortController();
    this.#settling.set(stream, controller);
    this.#socket.data.settling = this.#settling.size;
    work(controller.signal)
      .catch((error: unknown) => {
        if (!controller.signal.aborted && this.#socket.connected) this.#fail(stream, error);
      })
      .finally(() => {
        if (this.#settling.get(stream) === controller) this.#settled(stream);
      });
  }

  #settled(stream: StreamName): void {
    this.#settling.delete(stream);
    this.#socket.data.settling = this.#settling.size;
  }

  #fail(stream: StreamName, error: unknown): void {
    this.#parts.onError(error);
    this.#socket.emit("subscription_error", {
      event_type: stream,
      code: "internal_error",
      message: "The server could not read what this subscription starts with; subscribe again.",
    });
  }

  #sendState(stream: StateStreamName, frame: { timestamp: string; data: unknown }): void {
    // The frame of a stream holds that stream's state; the union over streams cannot express that to TypeScript.
    this.#socket.emit(streams[stream].event, stateEnvelope(stream, frame) as never);
  }
}

function streamsOf(name: SubscriptionName): readonly StreamName[] {
  return name === "all" || name === "system_monitor" ? streamName.options : [name];
}

function isEventStream(name: SubscriptionName): name is EventStreamName {
  return eventStreamName.safeParse(name).success;
}
