import { and, asc, eq, inArray, isNotNull, lte, sql } from "drizzle-orm";
import { alerts, channelAlerts, notifications } from "../../db/schema.ts";
import type { Notice, NoticeEntry, Outcome } from "../alerts/notifiers/notifier.ts";
import type { NotificationEvent } from "../contract/index.ts";
import type { Store, Tx } from "../store/store.ts";
import { type StoredChannel, withoutSecrets } from "./channel.ts";
import { alertOf, lastTold, newMessageId, pendingOf, pendingRow, type Row, remindEveryMs } from "./outbox.ts";
import { plan, type Waiting } from "./plan.ts";
import { retryDelay } from "./retry.ts";

/** Rows of what is over that are kept to be looked at; older ones go. */
const MAX_FINISHED = 10_000;

/** A message on its way: the rows that are in it, which succeed and fail together. */
export type Message = readonly [Row, ...Row[]];

/** The message that is on its way to a channel, if there is one. */
export function messageUnderWay(rows: readonly Row[]): Message | undefined {
  const first = rows.find(({ messageId }) => messageId !== null);
  if (!first) return undefined;
  const [head, ...rest] = rows.filter(({ messageId }) => messageId === first.messageId);
  return head && [head, ...rest];
}

/**
 * Puts together the next message of what waits, when it is time, and gives it its name. From then on it is the same with
 * every attempt, also after a restart.
 *
 * @returns milliseconds until it may be time, 0 when something was done, null when nothing waits.
 */
export function bindNext(
  store: Store,
  channelId: number,
  ageOf: (row: Row) => number,
  told: { readonly recent: number; readonly lastMs: number | null },
): number | null {
  const rows = pendingOf(store.db, channelId);
  const waiting = rows.map(
    (row): Waiting => ({
      id: row.id,
      alertId: row.alertId,
      event: eventOf(row),
      severity: alertOf(row).severity,
      happenedAt: row.happenedAt,
      ageMs: ageOf(row),
    }),
  );
  const { drop, send, waitMs } = plan(waiting, told);
  if (drop.length === 0 && send.length === 0) return waitMs;
  store.write((tx) => {
    dropRows(tx, drop, "over before it was told");
    const first = rows.find(({ id }) => id === send[0]);
    if (!first) return;
    const event = worded(tx, first);
    if (event === null) {
      dropRows(tx, send, "the channel was not told of it");
      return;
    }
    tx.db.update(notifications).set({ event }).where(eq(notifications.id, first.id)).run();
    tx.db
      .update(notifications)
      .set({ messageId: newMessageId() })
      .where(inArray(notifications.id, [...send]))
      .run();
  });
  return 0;
}

/**
 * What a row says to somebody who was told what the receiver really took: the end of what it never heard of is nothing,
 * and that it got worse is that it is.
 */
function worded({ db }: Tx, row: Row): NotificationEvent | null {
  const event = eventOf(row);
  if (event === "opened" || event === "flapping" || lastTold(db, row.channelId, row.alertId)) return event;
  return event === "escalated" || event === "deescalated" || event === "reminder" ? "opened" : null;
}

/** A message as notifiers take it: one entry for each alert, as it had become when the message was put together. */
export function noticeOf(message: Message, now: number): Notice {
  const byAlert = Map.groupBy(message, ({ alertId }) => alertId);
  const entries = [...byAlert.values()].map((rows): NoticeEntry => {
    const [first = message[0]] = rows;
    return { event: eventOf(first), alert: alertOf(rows.at(-1) ?? first), happenedAt: first.happenedAt };
  });
  const [head = entryOf(message[0]), ...rest] = entries;
  return { id: message[0].messageId ?? newMessageId(), entries: [head, ...rest], now };
}

/** The receiver took it. */
export function recordSent(tx: Tx, channel: StoredChannel, message: Message, now: number): void {
  tx.db
    .update(notifications)
    .set({
      state: "sent",
      sentAt: now,
      reason: null,
      nextAttemptAt: null,
      attempts: sql`${notifications.attempts} + 1`,
    })
    .where(inArray(notifications.id, idsOf(message)))
    .run();
  for (const row of message) {
    const every = remindEveryMs(channel, alertOf(row));
    tx.db
      .update(channelAlerts)
      .set({ remindAt: every === null ? null : now + every })
      .where(
        and(
          eq(channelAlerts.channelId, channel.id),
          eq(channelAlerts.alertId, row.alertId),
          eq(channelAlerts.phase, "open"),
          eq(channelAlerts.muted, false),
        ),
      )
      .run();
  }
  prune(tx);
}

/**
 * The receiver did not take it.
 *
 * @returns milliseconds until the next attempt, null when it was given up.
 */
export function recordFailed(
  tx: Tx,
  channel: StoredChannel,
  message: Message,
  outcome: Extract<Outcome, { delivered: false }>,
  world: { readonly now: number; readonly random: number },
): number | null {
  const [{ attempts, waitedMs }] = message;
  const delay = outcome.final ? null : retryDelay(attempts + 1, waitedMs, outcome.retryAfterMs, world.random);
  const reason = withoutSecrets(outcome.detail, channel.definition);
  tx.db
    .update(notifications)
    .set({
      attempts: attempts + 1,
      reason,
      ...(delay === null
        ? { state: "dead", nextAttemptAt: null }
        : { waitedMs: waitedMs + delay, nextAttemptAt: world.now + delay }),
    })
    // Not those that were dropped meanwhile.
    .where(and(inArray(notifications.id, idsOf(message)), eq(notifications.state, "pending")))
    .run();
  if (delay === null) {
    for (const { alertId } of message) forgetUntold(tx, channel.id, alertId);
    prune(tx);
  }
  return delay;
}

/** Queues a reminder for every alert that it is time for. @returns when the next one is due, null when none is. */
export function remind(store: Store, channels: readonly StoredChannel[], now: number): number | null {
  const byId = new Map(channels.map((channel) => [channel.id, channel]));
  const due = store.db.select().from(channelAlerts).where(lte(channelAlerts.remindAt, now)).all();
  if (due.length > 0) {
    store.write((tx) => {
      for (const known of due) remindOf(tx, byId.get(known.channelId), known, now);
      tx.emit({
        type: "notifications_queued",
        event: { channelIds: [...new Set(due.map(({ channelId }) => channelId))], now: false },
      });
    });
  }
  const next = store.db
    .select({ at: channelAlerts.remindAt })
    .from(channelAlerts)
    .where(isNotNull(channelAlerts.remindAt))
    .orderBy(asc(channelAlerts.remindAt))
    .limit(1)
    .get();
  return next?.at ?? null;
}

function remindOf(
  tx: Tx,
  channel: StoredChannel | undefined,
  known: typeof channelAlerts.$inferSelect,
  now: number,
): void {
  const key = and(eq(channelAlerts.channelId, known.channelId), eq(channelAlerts.alertId, known.alertId));
  const row = tx.db.select({ data: alerts.data }).from(alerts).where(eq(alerts.id, known.alertId)).get();
  const alert = row && alertOf(row);
  const every = channel && alert && alert.state === "firing" && !alert.silenced ? remindEveryMs(channel, alert) : null;
  if (!channel?.definition.enabled || !alert || every === null) {
    tx.db.update(channelAlerts).set({ remindAt: null }).where(key).run();
    return;
  }
  const waits = pendingOf(tx.db, known.channelId).some(({ alertId }) => alertId === known.alertId);
  // What is still to be delivered says it anyway.
  if (!waits) {
    const round = known.round + 1;
    tx.db
      .insert(notifications)
      .values(pendingRow(known.channelId, known.alertId, known.seq, round, "reminder", now, alert))
      .onConflictDoNothing()
      .run();
    tx.db.update(channelAlerts).set({ round, phase: "open" }).where(key).run();
  }
  tx.db
    .update(channelAlerts)
    .set({ remindAt: now + every })
    .where(key)
    .run();
}

/** What the channel was to be told of an alert was given up, so it knows nothing of it, unless more is on its way. */
function forgetUntold(tx: Tx, channelId: number, alertId: number): void {
  if (lastTold(tx.db, channelId, alertId)) return;
  if (pendingOf(tx.db, channelId).some((row) => row.alertId === alertId)) return;
  const key = and(eq(channelAlerts.channelId, channelId), eq(channelAlerts.alertId, alertId));
  tx.db.delete(channelAlerts).where(key).run();
}

function dropRows(tx: Tx, ids: readonly number[], reason: string): void {
  if (ids.length === 0) return;
  tx.db
    .update(notifications)
    .set({ state: "dropped", reason, nextAttemptAt: null })
    .where(inArray(notifications.id, [...ids]))
    .run();
}

function prune(tx: Tx): void {
  const newest = sql`(select max(id) from notifications)`;
  tx.db
    .delete(notifications)
    .where(sql`${notifications.state} <> 'pending' and ${notifications.id} <= ${newest} - ${MAX_FINISHED}`)
    .run();
}

function idsOf(message: Message): number[] {
  return message.map(({ id }) => id);
}

function entryOf(row: Row): NoticeEntry {
  return { event: eventOf(row), alert: alertOf(row), happenedAt: row.happenedAt };
}

/** The column holds what `decide` said. */
function eventOf({ event }: Pick<Row, "event">): NotificationEvent {
  return event as NotificationEvent;
}
