import type { NotificationEvent, Severity } from "../contract/index.ts";

/** Something that waits to be put into a message. */
export interface Waiting {
  readonly id: number;
  readonly alertId: number;
  readonly event: NotificationEvent;
  readonly severity: Severity;
  /** Milliseconds since the epoch. */
  readonly happenedAt: number;
  /** Milliseconds it has waited. */
  readonly ageMs: number;
}

export interface Plan {
  /** What is over before anybody heard of it. */
  readonly drop: readonly number[];
  /** What makes up the next message; empty when it is not time. */
  readonly send: readonly number[];
  /** Milliseconds until it may be; null when nothing waits. */
  readonly waitMs: number | null;
}

/** New alerts wait this long for others, and for their own end. Alertmanager waits 30 s; one machine has fewer. */
export const COALESCE_MS = 5_000;
/** So many new alerts within this time are a storm, which is told in one message each such time. */
export const STORM = 3;
export const STORM_MS = 30_000;
/** Alerts in one message; what is more goes into the next one. */
const MAX_TOGETHER = 100;

/**
 * What to send next of what waits, in the order it happened.
 *
 * News of alerts that are known goes at once and by itself. New alerts wait a moment: one that ends meanwhile is never
 * told, those that come together are told together, and what gets worse meanwhile goes out at once as what it is then.
 * In a storm the messages, not the news in them, get fewer; a critical alert does not wait for that.
 *
 * @param told how many new alerts went out within the last `STORM_MS`, and how long ago the last message with one did.
 */
export function plan(
  rows: readonly Waiting[],
  told: { readonly recent: number; readonly lastMs: number | null },
): Plan {
  const drop = passing(rows);
  const left = rows.filter(({ id }) => !drop.has(id));
  const heads = left.filter((row) => left.find(({ alertId }) => alertId === row.alertId) === row);
  const news = heads.find(({ event }) => event !== "opened");
  const opened = openings(left, heads, told);
  const dropped = [...drop];
  if (opened?.waitMs === 0 && (!news || (opened.send[0] ?? 0) < news.id)) {
    return { drop: dropped, send: opened.send, waitMs: 0 };
  }
  if (news) return { drop: dropped, send: [news.id], waitMs: 0 };
  return { drop: dropped, send: [], waitMs: opened?.waitMs ?? null };
}

/** Alerts that ended within `COALESCE_MS` of their beginning, neither of which was told. */
function passing(rows: readonly Waiting[]): Set<number> {
  const drop = new Set<number>();
  for (const end of rows) {
    if (end.event !== "resolved") continue;
    const before = rows.filter(({ id, alertId }) => alertId === end.alertId && id < end.id && !drop.has(id));
    const [first] = before;
    if (first?.event !== "opened" || end.happenedAt - first.happenedAt > COALESCE_MS) continue;
    for (const { id } of [...before, end]) drop.add(id);
  }
  return drop;
}

function openings(
  rows: readonly Waiting[],
  heads: readonly Waiting[],
  told: Parameters<typeof plan>[1],
): { send: number[]; waitMs: number } | undefined {
  const opened = heads.filter(({ event }) => event === "opened");
  const [first] = opened;
  if (!first) return undefined;
  const near = (ms: number) => opened.filter(({ happenedAt }) => happenedAt - first.happenedAt <= ms);
  const storm = told.recent + near(STORM_MS).length >= STORM;
  const group = near(storm ? STORM_MS : COALESCE_MS).slice(0, MAX_TOGETHER);
  const worse = (row: Waiting) => rows.find(({ alertId, event }) => alertId === row.alertId && event === "escalated");
  const grave = group.some((row) => row.severity === "critical" || worse(row) !== undefined);
  const wait = Math.max(
    group.some(worse) ? 0 : COALESCE_MS - first.ageMs,
    storm && !grave && told.lastMs !== null ? STORM_MS - told.lastMs : 0,
    0,
  );
  return { send: group.flatMap((row) => [row.id, ...soonAfter(rows, row)]), waitMs: wait };
}

/** How a new alert changed while it waited: it is told as what it has become. */
function soonAfter(rows: readonly Waiting[], head: Waiting): number[] {
  const later = rows.filter(({ alertId, id }) => alertId === head.alertId && id > head.id);
  const end = later.findIndex(
    ({ event, happenedAt }) =>
      (event !== "escalated" && event !== "deescalated") || happenedAt - head.happenedAt > COALESCE_MS,
  );
  return later.slice(0, end === -1 ? later.length : end).map(({ id }) => id);
}
