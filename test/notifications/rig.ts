import { getLogger } from "@logtape/logtape";
import { eq } from "drizzle-orm";
import { alerts } from "../../db/schema.ts";
import { Activities } from "../../src/activities/activities.ts";
import type { IncidentChange, IncidentChangeKind } from "../../src/alerts/incident-hook.ts";
import type { Notice, Notifiers, Outcome } from "../../src/alerts/notifiers/notifier.ts";
import { type Alert, type CreateChannel, createChannel, type Severity } from "../../src/contract/index.ts";
import { Notifications } from "../../src/notifications/notifications.ts";
import type { Store } from "../../src/store/store.ts";
import { alertOf } from "../alerts/notifiers/examples.ts";
import { FakeClock } from "../fake-clock.ts";
import { tempDir } from "../temp-dir.ts";
import { openStore } from "../temp-store.ts";

/** A message that a receiver took, or an attempt that it did not take. */
export interface Attempt {
  readonly at: number;
  readonly channel: string;
  readonly taken: boolean;
  readonly notice: Notice;
}

export const TAKEN: Outcome = { delivered: true, status: 200, detail: "ok" };

export function refused(changes: Partial<Extract<Outcome, { delivered: false }>> = {}): Outcome {
  return { delivered: false, status: 503, detail: "busy", final: false, retryAfterMs: undefined, ...changes };
}

/** The outbox on a real store, with receivers that do as a test says, and a server that can be killed. */
export class Rig implements Disposable {
  readonly clock = new FakeClock();
  readonly attempts: Attempt[] = [];
  /** What the receiver does with a message from now on. */
  answer: (notice: Notice, channel: string) => Outcome | Promise<Outcome> = () => TAKEN;
  store: Store;
  notifications: Notifications;
  readonly #dir = tempDir();
  #fromFile: readonly CreateChannel[];
  readonly #open = new Map<number, Alert>();
  /** Of which silences are in force. */
  readonly #silenced = new Set<number>();
  #seq = 0;

  /** @param channels what each `on-call`, `b`, `c`… wants, over the defaults. */
  constructor(...channels: readonly Partial<CreateChannel>[]) {
    this.#fromFile = (channels.length === 0 ? [{}] : channels).map((changes, i) =>
      createChannel.parse({
        name: i === 0 ? "on-call" : `channel-${i}`,
        kind: "slack",
        settings: { url: `https://receiver.example.org/${i === 0 ? "on-call" : `channel-${i}`}` },
        remind_minutes: 0,
        remind_critical_minutes: 0,
        ...changes,
      }),
    );
    this.store = openStore(this.#dir.path);
    this.notifications = this.#start();
  }

  #start(): Notifications {
    const started = new Notifications({
      store: this.store,
      activities: new Activities({ store: this.store, clock: this.clock }),
      clock: this.clock,
      notifiers: this.#notifiers(),
      log: getLogger(["test", "notifications"]),
      fromFile: this.#fromFile,
      random: () => 0.5,
    });
    started.start();
    return started;
  }

  #notifiers(): Notifiers {
    return {
      target: () => "receiver.example.org",
      send: async (destination, notice) => {
        const channel = destination.kind === "slack" ? (destination.settings.url.split("/").at(-1) ?? "") : "";
        const outcome = await this.answer(notice, channel);
        this.attempts.push({ at: this.clock.now(), channel, taken: outcome.delivered, notice });
        return outcome;
      },
    };
  }

  /**
   * The process is killed and the next one starts: whatever was on its way is not known to have arrived.
   *
   * @param changes what the file says of every channel from then on.
   */
  restart(changes: Partial<Pick<CreateChannel, "enabled">> = {}): void {
    this.#fromFile = this.#fromFile.map((channel) => ({ ...channel, ...changes }));
    void this.notifications[Symbol.asyncDispose]();
    this.store[Symbol.dispose]();
    this.store = openStore(this.#dir.path);
    this.notifications = this.#start();
  }

  /** What the receivers took, as `on-call opened alert_1 warning`; several alerts of one message with `+` between. */
  get told(): string[] {
    return this.attempts
      .filter(({ taken }) => taken)
      .map(({ channel, notice }) => {
        const entries = notice.entries.map(({ event, alert }) => `${event} ${alert.alert_id} ${alert.severity}`);
        return `${channel === "on-call" ? "" : `${channel} `}${entries.join(" + ")}`;
      });
  }

  get states(): string[] {
    return this.notifications
      .list({ limit: 500 })
      .items.map(({ event, state, reason }) => `${event} ${state}${reason === null ? "" : `: ${reason}`}`)
      .reverse();
  }

  open(id: number, severity: Severity = "warning", kind: "opened" | "reopened" = "opened"): void {
    const at = new Date(this.clock.now()).toISOString();
    const alert = alertOf({ alert_id: `alert_${id}`, severity, created_at: at, updated_at: at });
    this.#open.set(id, alert);
    const values = {
      id,
      key: `key-${id}`,
      type: alert.type,
      state: "firing",
      severity,
      data: alert,
      createdAt: this.clock.now(),
      updatedAt: this.clock.now(),
    };
    this.store.db.insert(alerts).values(values).onConflictDoUpdate({ target: alerts.id, set: values }).run();
    this.change(id, kind);
  }

  /** One change of an alert that is open. */
  change(id: number, kind: IncidentChangeKind, changes: Partial<Alert> = {}, inhibited = false): void {
    const before = this.#open.get(id);
    if (!before) throw new Error(`alert_${id} is not open`);
    if (kind === "silenced") this.#silenced.add(id);
    if (kind === "unsilenced") this.#silenced.delete(id);
    const silenced = this.#silenced.has(id);
    const incident: Alert = {
      ...before,
      ...(kind === "resolved" && { state: "resolved", severity: "info" }),
      ...(kind === "acknowledged" && { state: "acknowledged" }),
      ...(kind === "unacknowledged" && { state: "firing" }),
      ...(kind === "escalated" && { severity: "critical", state: "firing" }),
      ...(kind === "deescalated" && { severity: "warning" }),
      ...changes,
      silenced,
      updated_at: new Date(this.clock.now()).toISOString(),
    };
    if (kind === "resolved") this.#open.delete(id);
    else this.#open.set(id, incident);
    const seq = ++this.#seq;
    const change: IncidentChange = { kind, seq, key: `key-${id}`, incident, previous: before, silenced, inhibited };
    this.store.write((tx) => {
      tx.db.update(alerts).set({ data: incident, state: incident.state }).where(eq(alerts.id, id)).run();
      this.notifications.onIncident(tx, change);
    });
  }

  isOpen(id: number): boolean {
    return this.#open.has(id);
  }

  isSilenced(id: number): boolean {
    return this.#silenced.has(id);
  }

  silenceNext(id: number): void {
    this.#silenced.add(id);
  }

  seconds(count: number): Promise<void> {
    return this.clock.advance(count * 1_000);
  }

  [Symbol.dispose](): void {
    void this.notifications[Symbol.asyncDispose]();
    this.store[Symbol.dispose]();
    this.#dir[Symbol.dispose]();
  }
}
