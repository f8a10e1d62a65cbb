import { randomUUID } from "node:crypto";
import { and, asc, eq, notInArray } from "drizzle-orm";
import { channels } from "../../db/schema.ts";
import type { Activities } from "../activities/activities.ts";
import type { Notice, Notifiers } from "../alerts/notifiers/notifier.ts";
import { type Clock, isoTime } from "../clock.ts";
import {
  type Alert,
  type Channel,
  type ChannelTest,
  type CreateChannel,
  createChannel,
  MAX_CHANNELS,
  ProblemError,
  type UpdateChannel,
} from "../contract/index.ts";
import type { Store, Tx } from "../store/store.ts";
import { changed, type StoredChannel, shown, withoutSecrets } from "./channel.ts";
import { deliveryState } from "./outbox.ts";

export interface ChannelsParts {
  readonly store: Store;
  readonly activities: Pick<Activities, "record">;
  readonly clock: Clock;
  readonly notifiers: Notifiers;
  /** Those of the configuration. They are taken over at the start, and changed there. */
  readonly fromFile: readonly CreateChannel[];
  /** Called in the transaction of a change or removal, with the channel as it was before. */
  readonly onChange?: (tx: Tx, before: StoredChannel, after: StoredChannel | undefined) => void;
}

type Row = typeof channels.$inferSelect;

/** Whom alerts are told to. Every change is an activity, and no secret leaves this class but to a receiver. */
export class Channels {
  readonly #parts: ChannelsParts;
  readonly #byName = new Map<string, StoredChannel>();

  /** @throws StorageError when the configuration cannot be taken over. */
  constructor(parts: ChannelsParts) {
    this.#parts = parts;
    parts.store.write((tx) => this.#takeOver(tx, parts.fromFile));
    const settings = new Map(parts.fromFile.map((definition) => [definition.name, definition.settings]));
    for (const row of parts.store.db.select().from(channels).orderBy(asc(channels.name)).all()) {
      this.#byName.set(row.name, fromRow(row, row.source === "file" ? settings.get(row.name) : row.settings));
    }
  }

  /** All of them, by name. */
  list(): Channel[] {
    return this.all().map((channel) => this.#shown(channel));
  }

  all(): StoredChannel[] {
    return [...this.#byName.values()].sort((a, b) => (a.definition.name < b.definition.name ? -1 : 1));
  }

  /** @throws ProblemError `not_found`. */
  require(name: string): Channel {
    return this.#shown(this.#require(name));
  }

  /** @throws ProblemError `already_exists` or `limit_reached`. */
  create(definition: CreateChannel): Channel {
    const { store, clock } = this.#parts;
    if (this.#byName.has(definition.name)) {
      const detail = `There is already a channel ${definition.name}.`;
      throw new ProblemError("already_exists", detail, [{ field: "name", message: "is taken" }]);
    }
    if (this.#byName.size >= MAX_CHANNELS) {
      throw new ProblemError("limit_reached", `There can be ${MAX_CHANNELS} channels. Remove one first.`);
    }
    const now = clock.now();
    const channel = store.write((tx) => {
      const values = { ...columnsOf(definition, "api"), createdAt: now, updatedAt: now };
      const row = tx.db.insert(channels).values(values).returning().get();
      this.#record(tx, definition, "added");
      return fromRow(row, definition.settings);
    });
    this.#byName.set(definition.name, channel);
    return this.#shown(channel);
  }

  /** @throws ProblemError `not_found`, `read_only` or `validation_failed`. */
  update(name: string, patch: UpdateChannel): Channel {
    const { store, clock, onChange } = this.#parts;
    const before = this.#changeable(name);
    const definition = changed(before.definition, patch);
    const after = { ...before, definition, updatedAt: clock.now() };
    store.write((tx) => {
      const values = { ...columnsOf(definition, "api"), updatedAt: after.updatedAt };
      tx.db.update(channels).set(values).where(eq(channels.id, before.id)).run();
      onChange?.(tx, before, after);
      this.#record(tx, definition, "changed", {
        changed: [
          ...Object.keys(patch).filter((key) => key !== "settings"),
          ...Object.keys(patch.settings ?? {}).map((key) => `settings.${key}`),
        ],
      });
    });
    this.#byName.set(name, after);
    return this.#shown(after);
  }

  /** @throws ProblemError `not_found` or `read_only`. */
  remove(name: string): void {
    const { store, onChange } = this.#parts;
    const before = this.#changeable(name);
    store.write((tx) => {
      onChange?.(tx, before, undefined);
      tx.db.delete(channels).where(eq(channels.id, before.id)).run();
      this.#record(tx, before.definition, "removed");
    });
    this.#byName.delete(name);
  }

  /**
   * Sends a message now, beside the queue, and tells what the receiver said.
   *
   * @throws ProblemError `not_found`.
   */
  async test(name: string, signal: AbortSignal): Promise<ChannelTest> {
    const { clock, notifiers } = this.#parts;
    const { definition } = this.#require(name);
    const started = clock.monotonic();
    const outcome = await notifiers.send(definition, testNotice(name, clock.now()), signal);
    return {
      delivered: outcome.delivered,
      status: outcome.status,
      detail: withoutSecrets(outcome.detail, definition),
      duration_ms: Math.round(clock.monotonic() - started),
    };
  }

  /** Makes the rows of the configuration's channels what it says now, and removes those it no longer has. */
  #takeOver(tx: Tx, fromFile: readonly CreateChannel[]): void {
    const now = this.#parts.clock.now();
    const names = fromFile.map(({ name }) => name);
    tx.db
      .delete(channels)
      .where(and(eq(channels.source, "file"), notInArray(channels.name, names)))
      .run();
    for (const definition of fromFile) {
      const present = tx.db.select().from(channels).where(eq(channels.name, definition.name)).get();
      if (present && (present.source !== "file" || present.kind !== definition.kind)) {
        // Another channel under the same name: what waits for the one is not for the other.
        tx.db.delete(channels).where(eq(channels.id, present.id)).run();
      }
      const values = { ...columnsOf(definition, "file"), updatedAt: now };
      tx.db
        .insert(channels)
        .values({ ...values, createdAt: now })
        .onConflictDoUpdate({ target: channels.name, set: values })
        .run();
    }
  }

  #shown(channel: StoredChannel): Channel {
    const { store, notifiers } = this.#parts;
    return shown(channel, notifiers, deliveryState(store.db, channel.id));
  }

  #require(name: string): StoredChannel {
    const channel = this.#byName.get(name);
    if (!channel) throw new ProblemError("not_found", `There is no channel ${name}.`);
    return channel;
  }

  #changeable(name: string): StoredChannel {
    const channel = this.#require(name);
    if (channel.source === "file") {
      const detail = `Channel ${name} comes from the configuration file. Change [channels.${name}] there and restart.`;
      throw new ProblemError("read_only", detail);
    }
    return channel;
  }

  #record(tx: Tx, { name, kind }: CreateChannel, verb: string, extra: Record<string, unknown> = {}): void {
    this.#parts.activities.record(tx, {
      activity_type: "user_operation",
      message: `Notification channel ${name} ${verb}`,
      severity: "info",
      resource_type: "channel",
      resource_id: name,
      extra_data: { kind, ...extra },
    });
  }
}

function columnsOf(definition: CreateChannel, source: Channel["source"]) {
  const { name, kind, enabled, min_severity, events, settings } = definition;
  return {
    name,
    kind,
    source,
    enabled,
    minSeverity: min_severity,
    events,
    remindCriticalMinutes: definition.remind_critical_minutes,
    remindMinutes: definition.remind_minutes,
    settings: source === "file" ? null : settings,
  };
}

function fromRow(row: Row, settings: unknown): StoredChannel {
  const definition = createChannel.parse({
    name: row.name,
    kind: row.kind,
    enabled: row.enabled,
    min_severity: row.minSeverity,
    events: row.events,
    remind_critical_minutes: row.remindCriticalMinutes,
    remind_minutes: row.remindMinutes,
    settings,
  });
  const source = row.source === "file" ? "file" : "api";
  return { id: row.id, source, definition, createdAt: row.createdAt, updatedAt: row.updatedAt };
}

function testNotice(name: string, now: number): Notice {
  const at = isoTime(now);
  const alert: Alert = {
    alert_id: "alert_1",
    type: "memory_threshold",
    category: "resource_threshold",
    severity: "info",
    title: `Channel ${name} works`,
    message: "This is a test. Alerts of this server will be told here.",
    resource: { type: "test", current_value: 0, threshold: 0, unit: "" },
    actions: [],
    auto_resolve: true,
    state: "resolved",
    created_at: at,
    updated_at: at,
    resolved_at: at,
  };
  return { id: `msg_${randomUUID()}`, entries: [{ event: "test", alert, happenedAt: now }], now };
}
