import type { Logger } from "@logtape/logtape";
import { count, eq } from "drizzle-orm";
import { notifications } from "../../db/schema.ts";
import type { Activities } from "../activities/activities.ts";
import type { OnIncident } from "../alerts/incident-hook.ts";
import type { Notifiers } from "../alerts/notifiers/notifier.ts";
import type { Clock } from "../clock.ts";
import type { CreateChannel, Notification } from "../contract/index.ts";
import type { Store } from "../store/store.ts";
import { Channels } from "./channels.ts";
import { listNotifications, type NotificationQuery, retryNotification } from "./deliveries.ts";
import { remind } from "./messages.ts";
import { enqueue, forget } from "./outbox.ts";
import { Sender } from "./sender.ts";

/** Reminders are looked for at least this often, so that a clock that was set, or a machine that slept, is noticed. */
const LOOK_EVERY_MS = 60_000;

export interface NotificationsParts {
  readonly store: Store;
  readonly activities: Pick<Activities, "record">;
  readonly clock: Clock;
  readonly notifiers: Notifiers;
  readonly log: Pick<Logger, "error" | "warn" | "info">;
  /** The channels of the configuration. */
  readonly fromFile: readonly CreateChannel[];
  /** From 0 up to 1: how waits between attempts are spread. */
  readonly random: () => number;
}

/**
 * Tells channels of alerts. What each is to be told is written with the alert's own change (`onIncident`) and delivered
 * from there: at least once, in order, and as a rule exactly once; see `Sender`.
 */
export class Notifications implements AsyncDisposable {
  readonly channels: Channels;
  readonly #parts: NotificationsParts;
  readonly #senders = new Map<number, Sender>();
  readonly #counts = { sent: 0, failed: 0, dead: 0 };
  readonly #queued: Disposable;
  #reminder: Disposable | undefined;
  #stopped = false;

  constructor(parts: NotificationsParts) {
    const { store, activities, clock, notifiers, fromFile } = parts;
    this.#parts = parts;
    this.channels = new Channels({
      store,
      activities,
      clock,
      notifiers,
      fromFile,
      onChange: (tx, before, after) => {
        if (after && !after.definition.enabled && before.definition.enabled) forget(tx, before.id);
      },
    });
    // Turned off in the file since.
    const off = this.channels.all().filter(({ definition }) => !definition.enabled);
    if (off.length > 0) {
      store.write((tx) => {
        for (const { id } of off) forget(tx, id);
      });
    }
    this.#queued = store.bus.on("notifications_queued", ({ channelIds, now }) => {
      for (const id of channelIds) this.#wake(id, now);
    });
  }

  /** Writes what channels are to be told of an incident's change; part of its transaction. */
  readonly onIncident: OnIncident = (tx, change) => void enqueue(tx, this.channels.all(), change);

  /** Takes up what an earlier process left, and reminds of what is still wrong. */
  start(): void {
    for (const { id } of this.channels.all()) this.#wake(id, false);
    this.#remind();
  }

  list(query: NotificationQuery): { items: Notification[]; next: string | null } {
    return listNotifications(this.#parts.store.db, query);
  }

  /** @throws ProblemError `not_found` or `illegal_transition`. */
  retry(id: string): Notification {
    return retryNotification(this.#parts.store, id, this.#parts.clock.now());
  }

  /** Messages that were taken, attempts that failed, and messages that were given up, since the start. */
  get counts(): { readonly sent: number; readonly failed: number; readonly dead: number } {
    return this.#counts;
  }

  /** What waits, for all channels. */
  get queued(): number {
    const { db } = this.#parts.store;
    const row = db.select({ n: count() }).from(notifications).where(eq(notifications.state, "pending")).get();
    return row?.n ?? 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true;
    this.#queued[Symbol.dispose]();
    this.#reminder?.[Symbol.dispose]();
    await Promise.all([...this.#senders.values()].map((sender) => sender[Symbol.asyncDispose]()));
  }

  #wake(channelId: number, now: boolean): void {
    if (this.#stopped) return;
    let sender = this.#senders.get(channelId);
    if (!sender) {
      const { store, clock, notifiers, log, random } = this.#parts;
      sender = new Sender(channelId, {
        store,
        clock,
        notifiers,
        log,
        random,
        channel: () => this.channels.all().find(({ id }) => id === channelId),
        count: (what) => {
          this.#counts[what]++;
        },
      });
      this.#senders.set(channelId, sender);
    }
    sender.wake(now);
  }

  #remind(): void {
    const { store, clock, log } = this.#parts;
    let waitMs = LOOK_EVERY_MS;
    try {
      const next = remind(store, this.channels.all(), clock.now());
      if (next !== null) waitMs = Math.min(Math.max(next - clock.now(), 0), LOOK_EVERY_MS);
    } catch (error) {
      log.error("Reminders cannot be written and are tried again: {error}", { error });
    }
    this.#reminder = clock.after(Math.max(waitMs, 1_000), () => this.#remind());
  }
}
