import type { Clock } from "../clock.ts";
import { type EventStreamName, eventStreamName, type StateStreamName, streams } from "../contract/index.ts";
import type { Bus } from "../store/bus.ts";
import type { EventLog } from "../store/event-log.ts";
import { eventEnvelope, stateEnvelope } from "./envelopes.ts";
import type { Io } from "./io.ts";
import { formatOffset, type Offset } from "./offset.ts";
import type { StateStreams } from "./state-streams.ts";

export type EventLogs = Readonly<Record<EventStreamName, EventLog>>;

/** The room of everybody who has an event stream and therefore a place in it to remember. */
export const OFFSET_ROOM = "recovery_offset";

/**
 * Milliseconds within which offsets are gathered into one. Isolated events are followed by their offset at once; in a
 * storm a client gets at most 50 offsets a second, and a connection lost within that time sees the last few events
 * twice when it is recovered, marked `replayed` and with the same `seq`.
 */
const OFFSET_GATHER_MS = 20;

/**
 * Puts every committed event and every state frame into its stream's room, once for all who are in it.
 *
 * State streams run only while their room has members.
 */
export class Publisher implements Disposable {
  readonly #io: Io;
  readonly #clock: Clock;
  readonly #sent: Record<EventStreamName, number>;
  readonly #stack = new DisposableStack();
  readonly #running = new Map<StateStreamName, Disposable>();
  #offsetDue: Disposable | undefined;
  #offsetSentAt = Number.NEGATIVE_INFINITY;

  constructor(parts: { io: Io; bus: Bus; logs: EventLogs; states: StateStreams; clock: Clock; recovery: boolean }) {
    this.#io = parts.io;
    this.#clock = parts.clock;
    this.#sent = {
      activity_stream: parts.logs.activity_stream.newest(),
      system_alerts: parts.logs.system_alerts.newest(),
      deployment_events: parts.logs.deployment_events.newest(),
    };
    for (const stream of eventStreamName.options) {
      this.#stack.use(
        parts.bus.on(stream, (event) => {
          this.#sent[stream] = event.seq;
          this.#emit(stream, eventEnvelope<unknown>(stream, event, false));
          if (parts.recovery) this.#gatherOffset();
        }),
      );
    }
    this.#runWhileWatched("system_resources", parts.states);
    this.#runWhileWatched("model_status", parts.states);
    this.#stack.defer(() => {
      this.#offsetDue?.[Symbol.dispose]();
      for (const running of this.#running.values()) running[Symbol.dispose]();
    });
  }

  /** Where a client that has seen everything sent so far stands. */
  offset(): Offset {
    return { ...this.#sent };
  }

  [Symbol.dispose](): void {
    this.#stack.dispose();
  }

  #runWhileWatched(stream: StateStreamName, states: StateStreams): void {
    const adapter = this.#io.of("/").adapter;
    const onCreate = (room: string) => {
      if (room !== stream) return;
      const push = (frame: { timestamp: string; data: unknown }) => this.#emit(stream, stateEnvelope(stream, frame));
      this.#running.set(stream, states[stream].start(push));
    };
    const onDelete = (room: string) => {
      if (room !== stream) return;
      this.#running.get(stream)?.[Symbol.dispose]();
      this.#running.delete(stream);
    };
    adapter.on("create-room", onCreate);
    adapter.on("delete-room", onDelete);
    this.#stack.defer(() => {
      adapter.off("create-room", onCreate);
      adapter.off("delete-room", onDelete);
    });
  }

  #emit(stream: EventStreamName | StateStreamName, envelope: unknown): void {
    // The contract ties each stream's envelope to its event; the union over streams cannot express that to TypeScript.
    this.#io.to(stream).emit(streams[stream].event, envelope as never);
  }

  #gatherOffset(): void {
    if (this.#offsetDue) return;
    const wait = Math.max(0, this.#offsetSentAt + OFFSET_GATHER_MS - this.#clock.monotonic());
    this.#offsetDue = this.#clock.after(wait, () => {
      this.#offsetDue = undefined;
      this.#offsetSentAt = this.#clock.monotonic();
      this.#io.to(OFFSET_ROOM).emit("recovery_offset", formatOffset(this.#sent));
    });
  }
}
