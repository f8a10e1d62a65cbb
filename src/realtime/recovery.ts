import type { Clock } from "../clock.ts";
import { eventStreamName, streams } from "../contract/index.ts";
import { eventEnvelope } from "./envelopes.ts";
import { type Offset, parseOffset } from "./offset.ts";
import type { EventLogs } from "./publisher.ts";
import type { Session, SessionStore } from "./topic-adapter.ts";

/** Lost connections that are kept for recovery; beyond that the oldest are forgotten and start anew. */
const MAX_SESSIONS = 10_000;

/** Events a recovery sends at once; who missed more subscribes anew and replays at its own pace. */
const MAX_MISSED = 1_000;

/**
 * Lost connections and what they were subscribed to, so that a client that comes back in time goes on as if nothing
 * had happened. What it missed is read from the store, not kept in memory: events by their `seq`, states not at all,
 * since the next tick brings a newer one.
 */
export class Recovery implements SessionStore {
  readonly #sessions = new Map<string, { session: Session; expires: number }>();
  readonly #logs: EventLogs;
  readonly #clock: Clock;
  readonly #keepMs: number;

  constructor(parts: { logs: EventLogs; clock: Clock; keepMs: number }) {
    this.#logs = parts.logs;
    this.#clock = parts.clock;
    this.#keepMs = parts.keepMs;
  }

  save(session: Session): void {
    // In the middle of a replay the rooms do not say yet what the client has; it subscribes anew.
    if (session.data.settling > 0) return;
    const now = this.#clock.monotonic();
    for (const [pid, entry] of this.#sessions) {
      // Saved in order and all kept equally long, so the expired ones are at the front.
      if (entry.expires > now && this.#sessions.size < MAX_SESSIONS) break;
      this.#sessions.delete(pid);
    }
    this.#sessions.set(session.pid, { session, expires: now + this.#keepMs });
  }

  /** The session to go on with, once; undefined when it is unknown, too old, or has missed too much. */
  take(pid: string, offsetText: string): (Session & { missedPackets: unknown[][] }) | undefined {
    const entry = this.#sessions.get(pid);
    const offset = parseOffset(offsetText);
    if (!entry || !offset) return undefined;
    this.#sessions.delete(pid);
    if (entry.expires <= this.#clock.monotonic()) return undefined;
    const { session } = entry;
    if (this.#missed(session, offset, MAX_MISSED + 1).length > MAX_MISSED) return undefined;
    const missed = () => this.#missed(session, offset, MAX_MISSED + 1);
    return {
      ...session,
      // Socket.IO reads this after it has put the socket back into its rooms, in the same turn. Reading the store
      // only then leaves no moment in which an event could be committed and seen by neither.
      get missedPackets() {
        return missed();
      },
    };
  }

  #missed(session: Session, offset: Offset, limit: number): unknown[][] {
    const packets: unknown[][] = [];
    for (const stream of eventStreamName.options) {
      if (!session.rooms.includes(stream)) continue;
      for (const event of this.#logs[stream].after(offset[stream], limit)) {
        packets.push([streams[stream].event, eventEnvelope(stream, event, true)]);
      }
    }
    return packets;
  }
}
