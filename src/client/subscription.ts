import type { ReplayOptions, StreamName, SubscriptionAck } from "../contract/streams.ts";
import { isEventStream } from "./streams.ts";

/**
 * Where a subscription stands on the connection there is now.
 *
 * ```
 * requested ── acknowledged with a replay ──▶ replaying ── first event that is not a replay ──▶ live
 *     └─────── acknowledged without ────────────────────────────────────────────────────────▶ live
 * ```
 */
export type Phase = "requested" | "replaying" | "live";

/**
 * One stream's subscription over as many connections as it takes: which events are new, and from where to go on.
 *
 * The server sends a connection the acknowledgement, the replay in order, then what comes live. Comparing each event's
 * `seq` with the last one is therefore enough to hand on every event exactly once and in order.
 */
export class Subscription {
  readonly stream: StreamName;
  readonly #pending = Promise.withResolvers<SubscriptionAck>();
  #phase: Phase = "requested";
  #acknowledged = false;
  #after: number | string | undefined;

  constructor(stream: StreamName, options: ReplayOptions) {
    this.stream = stream;
    this.#after = options.after;
  }

  get phase(): Phase {
    return this.#phase;
  }

  /** Whether any connection has acknowledged it yet. */
  get wasAcknowledged(): boolean {
    return this.#acknowledged;
  }

  /** Resolves with the first acknowledgement, rejects with the first refusal. */
  get acknowledgement(): Promise<SubscriptionAck> {
    return this.#pending.promise;
  }

  /** What to ask the server for, now that there is a connection that does not know of this subscription. */
  request(): ReplayOptions {
    this.#phase = "requested";
    return this.#after === undefined ? {} : { after: this.#after };
  }

  acknowledge(ack: SubscriptionAck): void {
    this.#phase = isEventStream(this.stream) && this.#after !== undefined ? "replaying" : "live";
    if (typeof this.#after !== "number" && ack.seq !== undefined) this.#after = ack.seq;
    this.#acknowledged = true;
    this.#pending.resolve(ack);
  }

  refuse(error: Error): void {
    this.#pending.reject(error);
  }

  /** Ends the wait for an acknowledgement; who did not wait is not troubled by an unhandled rejection. */
  abandon(error: Error): void {
    this.#pending.promise.catch(() => {});
    this.#pending.reject(error);
  }

  /** Whether to hand on `event`: false for what was handed on before, and for what an earlier subscription had asked for. */
  accept(event: { readonly seq?: number | undefined; readonly replayed?: true | undefined }): boolean {
    if (this.#phase === "requested") return false;
    if (event.seq === undefined) return true;
    if (!event.replayed) this.#phase = "live";
    if (typeof this.#after === "number" && event.seq <= this.#after) return false;
    this.#after = event.seq;
    return true;
  }

  /** Forgets where it stands: the server's history is not the one this was counted in. Returns the place it had. */
  forget(): number | string | undefined {
    const after = this.#after;
    this.#after = undefined;
    return after;
  }
}
