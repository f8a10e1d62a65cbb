import { and, asc, desc, eq, gt, gte, isNotNull, lt, lte, max, min, sql } from "drizzle-orm";
import { alertEvents, alerts } from "../../db/schema.ts";
import { isoTime } from "../clock.ts";
import { type Alert, idNumber, ProblemError } from "../contract/index.ts";
import type { EventLog } from "../store/event-log.ts";
import type { Db, Store } from "../store/store.ts";

export interface AlertQuery {
  /** Alerts opened before this one. */
  readonly before?: string | undefined;
  readonly state?: Alert["state"] | undefined;
  readonly type?: Alert["type"] | undefined;
  readonly severity?: Alert["severity"] | undefined;
  readonly resource_type?: string | undefined;
  readonly resource_id?: string | undefined;
  /** ISO 8601, both inclusive: when it opened. */
  readonly since?: string | undefined;
  readonly until?: string | undefined;
  readonly limit: number;
}

/** A page of alerts as they are now, newest first; `next` continues, null at the end. */
export function listAlerts(db: Db, query: AlertQuery): { items: Alert[]; next: string | null } {
  const { before, state, type, severity, resource_type, resource_id, since, until, limit } = query;
  const rows = db
    .select({ data: alerts.data })
    .from(alerts)
    .where(
      and(
        before === undefined ? undefined : lt(alerts.id, idNumber("alert_", before) ?? 0),
        state && eq(alerts.state, state),
        type && eq(alerts.type, type),
        severity && eq(alerts.severity, severity),
        resource_type === undefined ? undefined : sql`data ->> '$.resource.type' = ${resource_type}`,
        resource_id === undefined ? undefined : sql`data ->> '$.resource.id' = ${resource_id}`,
        since === undefined ? undefined : gte(alerts.createdAt, Date.parse(since)),
        until === undefined ? undefined : lte(alerts.createdAt, Date.parse(until)),
      ),
    )
    .orderBy(desc(alerts.id))
    .limit(limit + 1)
    .all();
  const items = rows.slice(0, limit).map(({ data }) => asAlert(data));
  return { items, next: rows.length > limit ? (items.at(-1)?.alert_id ?? null) : null };
}

/** @throws ProblemError `not_found`. */
export function getAlert(db: Db, id: string): Alert {
  const row = db
    .select({ data: alerts.data })
    .from(alerts)
    .where(eq(alerts.id, idNumber("alert_", id) ?? 0))
    .get();
  if (!row) throw new ProblemError("not_found", `There is no alert ${id}.`);
  return asAlert(row.data);
}

/**
 * What a replay of `system_alerts` reads.
 *
 * An alert has several events under one id. `seqOf` answers with its first: who knows an alert's id has seen at least
 * that, so a replay after it may repeat changes the client knows, but leaves none out.
 */
export function alertLog({ db }: Store): EventLog<Alert> {
  const newest = db
    .select({ id: max(alertEvents.id) })
    .from(alertEvents)
    .prepare();
  const after = db
    .select()
    .from(alertEvents)
    .where(gt(alertEvents.id, sql.placeholder("seq")))
    .orderBy(asc(alertEvents.id))
    .limit(sql.placeholder("limit"))
    .prepare();
  const first = db
    .select({ id: min(alertEvents.id) })
    .from(alertEvents)
    .where(eq(alertEvents.alertId, sql.placeholder("alertId")))
    .prepare();
  return {
    newest: () => newest.get()?.id ?? 0,
    after: (seq, limit) =>
      after.all({ seq, limit }).map(({ id, createdAt, data }) => ({
        seq: id,
        timestamp: isoTime(createdAt),
        data: asAlert(data),
      })),
    seqOf(id) {
      const alertId = idNumber("alert_", id);
      return alertId === undefined ? undefined : (first.get({ alertId })?.id ?? undefined);
    },
  };
}

/** Alerts that are over, and pushes, that are kept: years of a machine that has one alert an hour. */
const MOST = { alerts: 20_000, events: 100_000 };

/** Forgets the oldest of what is beyond that. @throws StorageError. */
export function pruneAlerts(store: Store, most = MOST): void {
  const { db } = store;
  // The newest that has to go, if there are that many.
  const alert = db
    .select({ id: alerts.id })
    .from(alerts)
    .orderBy(desc(alerts.id))
    .limit(1)
    .offset(most.alerts)
    .get()?.id;
  const event = db
    .select({ id: alertEvents.id })
    .from(alertEvents)
    .orderBy(desc(alertEvents.id))
    .limit(1)
    .offset(most.events)
    .get()?.id;
  if (alert === undefined && event === undefined) return;
  store.write((tx) => {
    if (event !== undefined) tx.db.delete(alertEvents).where(lte(alertEvents.id, event)).run();
    if (alert !== undefined)
      tx.db
        .delete(alerts)
        .where(and(lte(alerts.id, alert), isNotNull(alerts.resolvedAt)))
        .run();
  });
}

/** The columns hold what `Incidents` wrote, hence the cast; it is sent again as it was. */
function asAlert(data: unknown): Alert {
  return data as Alert;
}
