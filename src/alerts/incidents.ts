import { eq, isNull } from "drizzle-orm";
import { alertEvents, alerts } from "../../db/schema.ts";
import type { Activities } from "../activities/activities.ts";
import { type Clock, isoTime } from "../clock.ts";
import type { Activity, Alert } from "../contract/index.ts";
import type { Store, Tx } from "../store/store.ts";
import type { AlertContent } from "./content.ts";
import type { IncidentChangeKind, OnIncident } from "./incident-hook.ts";

/** What is wrong now with one resource instance. */
export interface Incident {
  readonly id: number;
  readonly alert: Alert;
}

export interface IncidentsParts {
  readonly store: Store;
  readonly activities: Pick<Activities, "record">;
  readonly clock: Clock;
  /** A change could not be written; it is tried again. */
  readonly onFailure: (error: unknown) => void;
  readonly onIncident?: OnIncident | undefined;
}

/**
 * The open incidents, at most one for each key, as they are in the store.
 *
 * Each change is one transaction: the incident, the event that is pushed, and one activity. A change that cannot be
 * written (a full disk) has not happened; who wanted it tries again.
 */
export class Incidents {
  readonly #parts: IncidentsParts;
  readonly #open: Map<string, Incident>;

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

  /** The open ones of one category, by key. */
  of(category: Alert["category"]): [key: string, incident: Incident][] {
    return [...this.#open].filter(([, { alert }]) => alert.category === category);
  }

  /** Opens an incident, or changes the one that is open. False when it could not be written. */
  report(key: string, content: AlertContent): boolean {
    return this.#change(key, content, false);
  }

  /** Closes the incident of `key`, if one is open. False when it could not be written. */
  resolve(key: string, content: AlertContent): boolean {
    return !this.#open.has(key) || this.#change(key, content, true);
  }

  #change(key: string, content: AlertContent, resolved: boolean): boolean {
    const { store, onFailure } = this.#parts;
    try {
      const incident = store.write((tx) => this.#write(tx, key, content, resolved));
      // Only now: what is in memory is what was committed.
      if (resolved) this.#open.delete(key);
      else this.#open.set(key, incident);
      return true;
    } catch (error) {
      onFailure(error);
      return false;
    }
  }

  #write(tx: Tx, key: string, content: AlertContent, resolved: boolean): Incident {
    const now = this.#parts.clock.now();
    const before = this.#open.get(key);
    const id = before?.id ?? insertIncident(tx, key, content, now);
    const alert: Alert = {
      alert_id: `alert_${id}`,
      ...content,
      auto_resolve: true,
      state: resolved ? "resolved" : (before?.alert.state ?? "firing"),
      created_at: before?.alert.created_at ?? isoTime(now),
      updated_at: isoTime(now),
      resolved_at: resolved ? isoTime(now) : null,
    };
    const { state, severity } = alert;
    const columns = { state, severity, data: alert, updatedAt: now, resolvedAt: resolved ? now : null };
    tx.db.update(alerts).set(columns).where(eq(alerts.id, id)).run();
    const event = { alertId: id, data: alert, createdAt: now };
    const { seq } = tx.db.insert(alertEvents).values(event).returning({ seq: alertEvents.id }).get();
    tx.emit({ type: "system_alerts", event: { seq, timestamp: alert.updated_at, data: alert } });
    this.#parts.activities.record(tx, activityOf(alert));
    this.#parts.onIncident?.(tx, {
      kind: kindOf(before?.alert, alert),
      seq,
      key,
      incident: alert,
      previous: before?.alert ?? null,
      silenced: false,
      inhibited: false,
    });
    return { id, alert };
  }
}

function kindOf(before: Alert | undefined, after: Alert): IncidentChangeKind {
  if (after.state === "resolved") return "resolved";
  if (!before) return "opened";
  return after.severity === "critical" ? "escalated" : "deescalated";
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
} as const satisfies Record<Alert["category"], Activity["activity_type"]>;

function activityOf(alert: Alert): Omit<Activity, "id" | "created_at"> {
  const { alert_id, type, category, state, severity, message, resource } = alert;
  const { current_value, threshold, unit } = resource;
  return {
    activity_type: ACTIVITY_TYPES[category],
    message,
    severity,
    resource_type: resource.type,
    resource_id: resource.id ?? null,
    extra_data: { alert_id, alert_type: type, state, current_value, threshold, unit },
  };
}
