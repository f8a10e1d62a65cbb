import type { Logger } from "@logtape/logtape";
import type { Notifiers, Outcome } from "../alerts/notifiers/notifier.ts";
import type { Clock } from "../clock.ts";
import type { Store } from "../store/store.ts";
import type { StoredChannel } from "./channel.ts";
import { bindNext, type Message, messageUnderWay, noticeOf, recordFailed, recordSent } from "./messages.ts";
import { pendingOf, type Row } from "./outbox.ts";
import { STORM_MS } from "./plan.ts";
import { LONGEST_RETRY_AFTER_MS } from "./retry.ts";

/** What was done cannot be written (a full disk): the writing is tried again after this, and the sending is not. */
const RECORD_AGAIN_MS = 5_000;
/** All of one attempt; notifiers give up earlier, each step of theirs having a limit of its own. */
const ATTEMPT_MS = 60_000;

export interface SenderParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly notifiers: Notifiers;
  readonly log: Pick<Logger, "error" | "warn" | "info">;
  /** The channel as it is now; undefined once it is gone. */
  readonly channel: () => StoredChannel | undefined;
  readonly random: () => number;
  readonly count: (what: "sent" | "failed" | "dead") => void;
}

/**
 * Delivers what waits for one channel, one message at a time and in order.
 *
 * ```text
 *            it is time            taken
 *   waiting ────────────► bound ────────────► sent
 *      │                  │   ▲
 *      │ no point any     │   └── not taken: after 5 s, 10 s … 15 min
 *      ▼ more             ▼ refused for good, or 24 h
 *   dropped              dead
 * ```
 *
 * What is done is written before anything else is. A kill between the receiver's answer and its record repeats that one
 * message, under the same name; nothing is lost and nothing else is repeated.
 */
export class Sender implements AsyncDisposable {
  readonly #parts: SenderParts;
  readonly #id: number;
  readonly #stop = new AbortController();
  /** Monotonic time at which each row was seen first, for how long it has waited whatever the clock says. */
  readonly #since = new Map<number, number>();
  /** Monotonic times of the messages with new alerts, and how many alerts each had, within the last `STORM_MS`. */
  #openings: { readonly at: number; readonly alerts: number }[] = [];
  /** Monotonic time of the next attempt at the message with this name. */
  #next: { readonly messageId: string | null; readonly at: number } | undefined;
  #timer: Disposable | undefined;
  #running: Promise<void> | undefined;
  #again = false;
  /** Whether the last attempt failed: an outage is logged once, not with every attempt. */
  #failing = false;

  constructor(channelId: number, parts: SenderParts) {
    this.#id = channelId;
    this.#parts = parts;
  }

  /** Looks at what waits. `now`: an attempt is made however long there still was to wait. */
  wake(now = false): void {
    if (this.#stop.signal.aborted) return;
    if (now) this.#next = { messageId: null, at: Number.NEGATIVE_INFINITY };
    this.#again = true;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
      if (this.#again) this.wake();
    });
  }

  /** Ends what is on its way: it stays in the outbox. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    this.#timer?.[Symbol.dispose]();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock, log } = this.#parts;
    while (this.#again && !this.#stop.signal.aborted) {
      this.#again = false;
      this.#timer?.[Symbol.dispose]();
      try {
        const waitMs = await this.#step();
        if (waitMs === 0) this.#again = true;
        else if (waitMs !== null) this.#timer = clock.after(waitMs, () => this.wake());
      } catch (error) {
        log.error("Notifications cannot be worked on and are tried again: {error}", { error });
        this.#timer = clock.after(RECORD_AGAIN_MS, () => this.wake());
        return;
      }
    }
  }

  /** @returns milliseconds to the next step, 0 for at once, null when nothing waits. */
  async #step(): Promise<number | null> {
    const { store, clock } = this.#parts;
    const channel = this.#parts.channel();
    if (!channel?.definition.enabled) return null;
    const rows = pendingOf(store.db, this.#id);
    const message = messageUnderWay(rows);
    if (!message) return bindNext(store, this.#id, (row) => this.#ageOf(row), this.#told());
    for (const { id } of message) this.#since.delete(id);
    const waitMs = this.#untilAttempt(message);
    if (waitMs > 0) return waitMs;
    const outcome = await this.#send(channel, message);
    // Stopped in the middle: it is not known what became of it, so it is sent again at the next start.
    if (!outcome.delivered && this.#stop.signal.aborted) return null;
    await this.#record(channel, message, outcome);
    if (outcome.delivered) this.#opened(message, clock.monotonic());
    return 0;
  }

  async #send(channel: StoredChannel, message: Message): Promise<Outcome> {
    const { notifiers, clock, log } = this.#parts;
    const limit = new AbortController();
    using _limit = clock.after(ATTEMPT_MS, () => limit.abort());
    const signal = AbortSignal.any([this.#stop.signal, limit.signal]);
    try {
      return await notifiers.send(channel.definition, noticeOf(message, clock.now()), signal);
    } catch (error) {
      // A bug, which must not end the deliveries.
      log.error("A notification could not be made: {error}", { error, channel: channel.definition.name });
      return { delivered: false, status: null, detail: "the server failed", final: false, retryAfterMs: undefined };
    }
  }

  /** Writes what became of an attempt, and does not give up on that: to send again because of it would repeat. */
  async #record(channel: StoredChannel, message: Message, outcome: Outcome): Promise<void> {
    const { store, clock, log } = this.#parts;
    for (;;) {
      try {
        store.write((tx) => this.#write(tx, channel, message, outcome));
        return;
      } catch (error) {
        if (this.#stop.signal.aborted) return;
        log.error("What became of a notification cannot be written and is tried again: {error}", { error });
        await this.#pause(RECORD_AGAIN_MS, clock);
      }
    }
  }

  #write(tx: Parameters<Parameters<Store["write"]>[0]>[0], channel: StoredChannel, message: Message, outcome: Outcome) {
    const { clock, random, count } = this.#parts;
    const { name } = channel.definition;
    if (outcome.delivered) {
      recordSent(tx, channel, message, clock.now());
      if (this.#failing) this.#parts.log.info("Channel {name} takes notifications again", { name });
      this.#failing = false;
      count("sent");
      return;
    }
    const delay = recordFailed(tx, channel, message, outcome, { now: clock.now(), random: random() });
    if (delay === null)
      this.#parts.log.error("Channel {name} did not take a notification, which is given up", { name });
    else if (!this.#failing) this.#parts.log.warn("Channel {name} does not take notifications", { name });
    this.#failing = delay !== null;
    count(delay === null ? "dead" : "failed");
    const [{ messageId }] = message;
    this.#next = delay === null ? undefined : { messageId, at: clock.monotonic() + delay };
  }

  #pause(ms: number, clock: Clock): Promise<void> {
    return new Promise((resolve) => {
      const timer = clock.after(ms, resolve);
      this.#stop.signal.addEventListener("abort", () => {
        timer[Symbol.dispose]();
        resolve();
      });
    });
  }

  /** How long to wait with the next attempt: as this process knows it, or as the one before it wrote. */
  #untilAttempt([row]: Message): number {
    const { clock } = this.#parts;
    const known = this.#next;
    if (known && (known.messageId === null || known.messageId === row.messageId)) {
      const waitMs = known.at - clock.monotonic();
      if (waitMs <= 0) this.#next = undefined;
      return Math.max(0, waitMs);
    }
    if (row.nextAttemptAt === null) return 0;
    // The clock may have been set since; nobody waits longer than there ever was to wait.
    const waitMs = Math.min(row.nextAttemptAt - clock.now(), LONGEST_RETRY_AFTER_MS);
    this.#next = { messageId: row.messageId, at: clock.monotonic() + waitMs };
    return Math.max(0, waitMs);
  }

  #ageOf(row: Row): number {
    const { clock } = this.#parts;
    const now = clock.monotonic();
    const since = this.#since.get(row.id) ?? now - Math.max(0, clock.now() - row.happenedAt);
    this.#since.set(row.id, since);
    return now - since;
  }

  #told(): { recent: number; lastMs: number | null } {
    const now = this.#parts.clock.monotonic();
    this.#openings = this.#openings.filter(({ at }) => now - at < STORM_MS);
    const last = this.#openings.at(-1);
    return {
      recent: this.#openings.reduce((sum, { alerts }) => sum + alerts, 0),
      lastMs: last ? now - last.at : null,
    };
  }

  #opened(message: Message, at: number): void {
    const alerts = message.filter(({ event }) => event === "opened").length;
    if (alerts > 0) this.#openings.push({ at, alerts });
  }
}
