import { randomUUID } from "node:crypto";
import { and, asc, count, desc, eq, inArray, lt, max, ne, sql } from "drizzle-orm";
import { channelAlerts, notifications } from "../../db/schema.ts";
import type { IncidentChange } from "../alerts/incident-hook.ts";
import { type Alert, idNumber, type NotificationEvent } from "../contract/index.ts";
import type { Db, Tx } from "../store/store.ts";
import type { StoredChannel } from "./channel.ts";
import { type Decision, decide, type Told } from "./decide.ts";

export type Row = typeof notifications.$inferSelect;
type TellRow = typeof channelAlerts.$inferSelect;

/** What may wait for one channel. At the limit the oldest is dropped: what is newer says more about now. */
export const MAX_QUEUED = 1_000;

/**
 * Writes what each channel is to be told of a change, in the change's own transaction.
 *
 * @returns whether anything was written.
 */
export function enqueue(tx: Tx, all: readonly StoredChannel[], change: IncidentChange): boolean {
  const alertId = idNumber("alert_", change.incident.alert_id) ?? 0;
  const happenedAt = Date.parse(change.incident.updated_at);
  const queued = all.filter(({ id, definition }) => {
    if (!definition.enabled) return false;
    const known = knownOf(tx.db, id, alertId);
    const decision = decide(definition, known && toldOf(known), change);
    let { told } = decision;
    if (decision.drop && drop(tx, id, alertId, "silenced") && told !== null) {
      // What was to be told may be what was dropped.
      told = lastTold(tx.db, id, alertId) === undefined ? null : told;
    }
    remember(tx, { channelId: id, alertId, seq: change.seq, happenedAt }, known, { ...decision, told }, definition);
    if (decision.tell === null) return false;
    const inserted = tx.db
      .insert(notifications)
      .values(pendingRow(id, alertId, change.seq, 0, decision.tell, happenedAt, change.incident))
      .onConflictDoNothing()
      .run();
    trim(tx, id);
    return inserted.changes > 0;
  });
  if (queued.length > 0) {
    tx.emit({ type: "notifications_queued", event: { channelIds: queued.map(({ id }) => id), now: false } });
  }
  return queued.length > 0;
}

/** Nothing more is told through a channel that was turned off; what it knows is forgotten. */
export function forget(tx: Tx, channelId: number): void {
  tx.db
    .update(notifications)
    .set({ state: "dropped", reason: "the channel was turned off", nextAttemptAt: null })
    .where(and(eq(notifications.channelId, channelId), eq(notifications.state, "pending")))
    .run();
  tx.db.delete(channelAlerts).where(eq(channelAlerts.channelId, channelId)).run();
}

export function pendingRow(
  channelId: number,
  alertId: number,
  seq: number,
  round: number,
  event: NotificationEvent,
  happenedAt: number,
  alert: Alert,
) {
  return {
    channelId,
    alertId,
    seq,
    round,
    event,
    state: "pending",
    attempts: 0,
    waitedMs: 0,
    happenedAt,
    data: alert,
  } satisfies Partial<Row>;
}

/** What waits for a channel, in the order it happened. */
export function pendingOf(db: Db, channelId: number): Row[] {
  return db
    .select()
    .from(notifications)
    .where(and(eq(notifications.channelId, channelId), eq(notifications.state, "pending")))
    .orderBy(asc(notifications.id))
    .all();
}

/** The newest of what the receiver took that told of the alert's beginning; undefined when its end came after that. */
export function lastTold(db: Db, channelId: number, alertId: number): Row | undefined {
  const row = db
    .select()
    .from(notifications)
    .where(
      and(
        eq(notifications.channelId, channelId),
        eq(notifications.alertId, alertId),
        eq(notifications.state, "sent"),
        inArray(notifications.event, ["opened", "escalated", "deescalated", "flapping", "reminder", "resolved"]),
      ),
    )
    .orderBy(desc(notifications.id))
    .limit(1)
    .get();
  return row?.event === "resolved" ? undefined : row;
}

/** A name for a message. */
export function newMessageId(): string {
  return `msg_${randomUUID()}`;
}

/** The alert as it was stored; the column holds what was put there, hence the cast. */
export function alertOf({ data }: Pick<Row, "data">): Alert {
  return data as Alert;
}

/** What waits, and how the last attempts ended, for a channel's description. */
export function deliveryState(db: Db, channelId: number) {
  const ofChannel = eq(notifications.channelId, channelId);
  const queued = db
    .select({ n: count() })
    .from(notifications)
    .where(and(ofChannel, eq(notifications.state, "pending")))
    .get();
  const sent = db
    .select({ at: max(notifications.sentAt) })
    .from(notifications)
    .where(and(ofChannel, eq(notifications.state, "sent")))
    .get();
  const tried = db
    .select({ state: notifications.state, reason: notifications.reason })
    .from(notifications)
    .where(and(ofChannel, ne(notifications.state, "dropped"), sql`${notifications.attempts} > 0`))
    .orderBy(desc(notifications.id))
    .limit(1)
    .get();
  return {
    queued: queued?.n ?? 0,
    lastSentAt: sent?.at ?? null,
    lastError: tried && tried.state !== "sent" ? tried.reason : null,
  };
}

export function knownOf(db: Db, channelId: number, alertId: number): TellRow | null {
  const key = and(eq(channelAlerts.channelId, channelId), eq(channelAlerts.alertId, alertId));
  return db.select().from(channelAlerts).where(key).get() ?? null;
}

/** Minutes as the channel says, in milliseconds; null for never. */
export function remindEveryMs({ definition }: Pick<StoredChannel, "definition">, alert: Alert): number | null {
  const { remind_critical_minutes, remind_minutes } = definition;
  const minutes = alert.severity === "critical" ? remind_critical_minutes : remind_minutes;
  return minutes === 0 ? null : minutes * 60_000;
}

function toldOf({ phase, severity }: TellRow): Told {
  // The columns hold what `remember` wrote.
  return { phase: phase as Told["phase"], severity: severity as Told["severity"] };
}

function remember(
  tx: Tx,
  about: { channelId: number; alertId: number; seq: number; happenedAt: number },
  known: TellRow | null,
  { told, tell, remind }: Decision,
  definition: StoredChannel["definition"],
): void {
  const { channelId, alertId, seq } = about;
  if (told === null) {
    if (known === null) return;
    const key = and(eq(channelAlerts.channelId, channelId), eq(channelAlerts.alertId, alertId));
    tx.db.delete(channelAlerts).where(key).run();
    return;
  }
  const minutes = told.severity === "critical" ? definition.remind_critical_minutes : definition.remind_minutes;
  // Where a message is on its way, the time to the next one begins when that has arrived.
  const begun = tell === null && minutes > 0 ? about.happenedAt + minutes * 60_000 : null;
  const values = {
    phase: told.phase,
    severity: told.severity,
    seq,
    round: 0,
    remindAt: remind === "start" ? begun : remind === "stop" ? null : (known?.remindAt ?? null),
    muted: remind === "keep" ? (known?.muted ?? false) : remind === "stop",
  };
  tx.db
    .insert(channelAlerts)
    .values({ channelId, alertId, ...values })
    .onConflictDoUpdate({ target: [channelAlerts.channelId, channelAlerts.alertId], set: values })
    .run();
}

/** Gives up what waits to be told of an alert. True when there was anything. */
function drop(tx: Tx, channelId: number, alertId: number, reason: string): boolean {
  const result = tx.db
    .update(notifications)
    .set({ state: "dropped", reason, nextAttemptAt: null })
    .where(
      and(
        eq(notifications.channelId, channelId),
        eq(notifications.alertId, alertId),
        eq(notifications.state, "pending"),
      ),
    )
    .run();
  return result.changes > 0;
}

/** Keeps what waits for a channel within its limit. */
function trim(tx: Tx, channelId: number): void {
  const beyond = tx.db
    .select({ id: notifications.id })
    .from(notifications)
    .where(and(eq(notifications.channelId, channelId), eq(notifications.state, "pending")))
    .orderBy(desc(notifications.id))
    .limit(1)
    .offset(MAX_QUEUED)
    .get();
  if (!beyond) return;
  tx.db
    .update(notifications)
    .set({ state: "dropped", reason: `more than ${MAX_QUEUED} were waiting`, nextAttemptAt: null })
    .where(
      and(
        eq(notifications.channelId, channelId),
        eq(notifications.state, "pending"),
        lt(notifications.id, beyond.id + 1),
      ),
    )
    .run();
}
