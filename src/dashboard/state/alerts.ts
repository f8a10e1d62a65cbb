import type { Alert, Severity } from "../../contract/index.ts";

/** Alerts kept, open or just resolved; one per resource instance can be open, so this is far above what happens. */
const MAX_ALERTS = 500;

interface KnownAlert {
  readonly alert: Alert;
  /** Known from before the connection was made anew: true until the server confirms it. */
  readonly unconfirmed: boolean;
}

/** By `alert_id`. Resolved ones stay until the next list, so that an older list cannot bring them back. */
export type KnownAlerts = ReadonlyMap<string, KnownAlert>;

export const noAlerts: KnownAlerts = new Map();

/** The connection was interrupted: what is known may have changed meanwhile. */
export function alertsInterrupted(known: KnownAlerts): KnownAlerts {
  return new Map([...known].map(([id, { alert }]) => [id, { alert, unconfirmed: true }]));
}

/** An alert was opened, changed or resolved. */
export function alertChanged(known: KnownAlerts, alert: Alert): KnownAlerts {
  const next = new Map(known);
  next.set(alert.alert_id, { alert, unconfirmed: false });
  for (const id of next.keys()) {
    if (next.size <= MAX_ALERTS) break;
    next.delete(id);
  }
  return next;
}

/**
 * The server's list of open alerts, asked for after subscribing: what came live since then is at least as new as the
 * list, what is unconfirmed and not in the list was resolved during the interruption.
 */
export function alertsListed(known: KnownAlerts, listed: readonly Alert[]): KnownAlerts {
  const next = new Map<string, KnownAlert>();
  for (const alert of listed.slice(0, MAX_ALERTS)) {
    const live = known.get(alert.alert_id);
    const keepLive = live && !live.unconfirmed && live.alert.updated_at >= alert.updated_at;
    next.set(alert.alert_id, keepLive ? live : { alert, unconfirmed: false });
  }
  for (const [id, entry] of known) {
    if (!entry.unconfirmed && entry.alert.state !== "resolved" && !next.has(id)) next.set(id, entry);
  }
  return next;
}

const RANK: Record<Severity, number> = { critical: 3, error: 2, warning: 1, info: 0 };

/** What is not resolved: first what nobody sees to, then worst first, and of the same severity the newest first. */
export function openAlerts(known: KnownAlerts): readonly Alert[] {
  return [...known.values()]
    .map((entry) => entry.alert)
    .filter((alert) => alert.state !== "resolved")
    .sort(
      (a, b) =>
        Number(isSeenTo(a)) - Number(isSeenTo(b)) ||
        RANK[b.severity] - RANK[a.severity] ||
        b.created_at.localeCompare(a.created_at),
    );
}

function isSeenTo({ state }: Alert): boolean {
  return state === "acknowledged";
}
