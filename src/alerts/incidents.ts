import { desc, eq, isNull } from "drizzle-orm";
import { alertEvents, alerts } from "../../db/schema.ts";
import type { Activities, NewActivity } from "../activities/activities.ts";
import { type Clock, isoTime } from "../clock.ts";
import type { Activity, Alert } from "../contract/index.ts";
import type { Store, Tx } from "../store/store.ts";
import type { AlertContent } from "./content.ts";
import type { IncidentChange, IncidentChangeKind, OnIncident } from "./incident-hook.ts";
import type { Silences } from "./silences.ts";

/** What is wrong now with one resource instance. */
export interface Incident {
  readonly id: number;
  readonly alert: Alert;
}

export interface Change {
  readonly kind: IncidentChangeKind;
  readonly content: AlertContent;
  /** What it says of its life, over what it said before. */
  readonly life?: Partial<Alert>;
  /** Which of two values is the worse one; needed where the value is new. */
  readonly bad?: "above" | "below";
  /** Whether the last incident of the key goes on, rather than a new one opening. */
  readonly again?: boolean;
  /** The key of an incident from which this one only follows. */
  readonly source?: string | undefined;
  /** What the history says; by default the alert's own message. */
  readonly activity?: NewActivity | null;
  /** What is committed with it. */
  readonly also?: (tx: Tx) => void;
}

export interface IncidentsParts {
  readonly store: Store;
  readonly activities: Pick<Activities, "record">;
  readonly silences: Pick<Silences, "covers">;
  readonly clock: Clock;
  readonly onIncident?: OnIncident | undefined;
}

/**
 * The incidents, of which at most one is open for each key, as they are in the store.
 *
 * Each change is one transaction: the incident, the event that is pushed, one activity, and what else belongs to it. A
 * change that cannot be written (a full disk) has not happened; who wanted it tries again.
 */
export class Incidents {
  readonly #parts: IncidentsParts;
  readonly #open: Map<string, Incident>;
  /** Those whose newest values are not in the store yet. */
  readonly #unsaved = new Set<string>();

  /** Takes up what is open in the store; nothing is told of it again. */
  constructor(parts: IncidentsParts) {
    this.#parts = parts;
    const rows = parts.store.db.select().from(alerts).where(isNull(alerts.resolvedAt)).orderBy(alerts.id).all();
    // The column holds what `#write` put there.
    this.#open = new Map(rows.map(({ id, key, data }) => [key, { id, alert: data as Alert }]));
  }

  get(key: string): Incident | undefined {
    return this.#open.get(key);
  }

  /** The open ones, by key. */
  open(): [key: string, incident: Incident][] {
    return [...this.#open];
  }

  /** The newest an alert says: what is read from the store, with the values since. */
  current(alert: Alert): Alert {
    const open = alert.key === undefined ? undefined : this.#open.get(alert.key);
    return open?.alert.alert_id === alert.alert_id ? open.alert : alert;
  }

  /** Keeps the newest value of an open incident, and its worst. It is stored with the next change or `saveValues`. */
  track(key: string, value: number, bad: "above" | "below"): void {
    const incident = this.#open.get(key);
    if (!incident || incident.alert.resource.current_value === value) return;
    const { alert, id } = incident;
    const resource = { ...alert.resource, current_value: value };
    this.#open.set(key, { id, alert: { ...alert, resource, peak_value: worst(alert.peak_value, value, bad) } });
    this.#unsaved.add(key);
  }

  /** Whether there are values that `saveValues` would store. */
  get unsaved(): boolean {
    return this.#unsaved.size > 0;
  }

  saveValues(tx: Tx): void {
    for (const key of this.#unsaved) {
      const incident = this.#open.get(key);
      if (incident) tx.db.update(alerts).set({ data: incident.alert }).where(eq(alerts.id, incident.id)).run();
    }
  }

  /** After the transaction of `saveValues` was committed. */
  valuesSaved(): void {
    this.#unsaved.clear();
  }

  /** Opens, changes or closes the incident of `key`. @throws StorageError; then nothing has happened. */
  change(key: string, change: Change): Alert {
    const incident = this.#parts.store.write((tx) => {
      change.also?.(tx);
      return this.#write(tx, key, change);
    });
    // Only now: what is in memory is what was committed.
    this.#unsaved.delete(key);
    if (incident.alert.state === "resolved") this.#open.delete(key);
    else this.#open.set(key, incident);
    return incident.alert;
  }

  #write(tx: Tx, key: string, change: Change): Incident {
    const { clock, silences, activities, onIncident } = this.#parts;
    const { kind, content, life, bad = "above", again = false, source, activity } = change;
    const now = clock.now();
    const open = this.#open.get(key);
    const before = open ?? (again ? lastOf(tx, key) : undefined);
    const id = before?.id ?? insertIncident(tx, key, content, now);
    const silenced = silences.covers({ key, ...content });
    const alert: Alert = {
      ...(before ? before.alert : firstWords(id, key, now)),
      ...content,
      ...(!open && { state: "firing", opened_at: isoTime(now), opened_value: content.resource.current_value }),
      ...(!open && before && { reopened: (before.alert.reopened ?? 0) + 1, resolution: null }),
      peak_value: worst(before?.alert.peak_value, content.resource.current_value, bad),
      silenced,
      ...life,
      updated_at: isoTime(now),
      resolved_at: kind === "resolved" ? isoTime(now) : null,
    };
    const told = forgetful(kind, open === undefined, alert);
    const columns = { type: told.type, state: told.state, severity: told.severity, data: told, updatedAt: now };
    tx.db
      .update(alerts)
      .set({ ...columns, resolvedAt: kind === "resolved" ? now : null })
      .where(eq(alerts.id, id))
      .run();
    const event = { alertId: id, data: told, createdAt: now };
    const { seq } = tx.db.insert(alertEvents).values(event).returning({ seq: alertEvents.id }).get();
    tx.emit({ type: "system_alerts", event: { seq, timestamp: told.updated_at, data: told } });
    if (activity !== null) activities.record(tx, activity ?? activityOf(told));
    const inhibited = source !== undefined && source !== key && this.#open.has(source);
    const previous = open?.alert ?? null;
    onIncident?.(tx, { kind, seq, key, incident: told, previous, silenced, inhibited } satisfies IncidentChange);
    return { id, alert: told };
  }
}

/** An acknowledgement is of what was known then: it ends with a new opening, and when things get worse. */
function forgetful(kind: IncidentChangeKind, opening: boolean, alert: Alert): Alert {
  if (kind === "resolved") return { ...alert, state: "resolved" };
  if (!opening && kind !== "escalated" && kind !== "unacknowledged") return alert;
  const { acknowledged_at: _at, acknowledged_by: _by, acknowledgement_comment: _comment, ...rest } = alert;
  return { ...rest, state: "firing" };
}

function firstWords(id: number, key: string, now: number) {
  return {
    alert_id: `alert_${id}`,
    auto_resolve: true,
    state: "firing" as const,
    created_at: isoTime(now),
    key,
    flapping: false,
    stale: false,
    reopened: 0,
    resolution: null,
  };
}

function worst(before: number | undefined, value: number, bad: "above" | "below"): number {
  if (before === undefined) return value;
  return bad === "above" ? Math.max(before, value) : Math.min(before, value);
}

/** The last one of `key` that has ended. */
function lastOf(tx: Tx, key: string): Incident | undefined {
  const row = tx.db
    .select({ id: alerts.id, data: alerts.data })
    .from(alerts)
    .where(eq(alerts.key, key))
    .orderBy(desc(alerts.id))
    .limit(1)
    .get();
  // The column holds what `#write` put there.
  return row && { id: row.id, alert: row.data as Alert };
}

/** The row comes first because its number is part of what is kept in it; the rest follows in the same transaction. */
function insertIncident(tx: Tx, key: string, content: AlertContent, now: number): number {
  const { type, severity } = content;
  const values = { key, type, state: "firing", severity, data: content, createdAt: now, updatedAt: now };
  return tx.db.insert(alerts).values(values).returning({ id: alerts.id }).get().id;
}

const ACTIVITY_TYPES = {
  resource_threshold: "system_resource_threshold",
  model_health: "model_health_check",
  monitoring: "system_resource_threshold",
  // Not a download's own entry, which would be heard as one.
  download: "system_resource_threshold",
} as const satisfies Record<Alert["category"], Activity["activity_type"]>;

function activityOf(alert: Alert): NewActivity {
  return {
    activity_type: ACTIVITY_TYPES[alert.category],
    message: alert.message,
    severity: alert.severity,
    resource_type: alert.resource.type,
    resource_id: alert.resource.id ?? null,
    extra_data: aboutAlert(alert),
  };
}

/** What the history keeps of an alert beside a sentence. */
export function aboutAlert(alert: Alert): Readonly<Record<string, unknown>> {
  const { alert_id, type, state, resource } = alert;
  const { current_value, threshold, unit } = resource;
  return { alert_id, alert_type: type, state, current_value, threshold, unit };
}
