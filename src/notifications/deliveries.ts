import { and, desc, eq, lt } from "drizzle-orm";
import { channels, notifications } from "../../db/schema.ts";
import { isoTime } from "../clock.ts";
import {
  idNumber,
  type Notification,
  type NotificationEvent,
  type NotificationState,
  ProblemError,
} from "../contract/index.ts";
import type { Db, Store } from "../store/store.ts";
import { alertOf, type Row } from "./outbox.ts";

export interface NotificationQuery {
  /** Those queued before this one. */
  readonly before?: string | undefined;
  readonly channel?: string | undefined;
  readonly state?: NotificationState | undefined;
  readonly alert_id?: string | undefined;
  readonly limit: number;
}

/** A page of what channels were told or are to be told, newest first; `next` continues, null at the end. */
export function listNotifications(
  db: Db,
  { before, channel, state, alert_id, limit }: NotificationQuery,
): { items: Notification[]; next: string | null } {
  const rows = db
    .select({ row: notifications, name: channels.name })
    .from(notifications)
    .innerJoin(channels, eq(channels.id, notifications.channelId))
    .where(
      and(
        before === undefined ? undefined : lt(notifications.id, idNumber("ntf-", before) ?? 0),
        channel === undefined ? undefined : eq(channels.name, channel),
        state && eq(notifications.state, state),
        alert_id === undefined ? undefined : eq(notifications.alertId, idNumber("alert_", alert_id) ?? 0),
      ),
    )
    .orderBy(desc(notifications.id))
    .limit(limit + 1)
    .all();
  const items = rows.slice(0, limit).map(({ row, name }) => shownRow(row, name));
  return { items, next: rows.length > limit ? (items.at(-1)?.notification_id ?? null) : null };
}

/**
 * Makes a notification that waits, or was given up, be tried now, with another day to succeed.
 *
 * @throws ProblemError `not_found`, or `illegal_transition` when it was sent or dropped.
 */
export function retryNotification(store: Store, id: string, now: number): Notification {
  return store.write((tx) => {
    const found = tx.db
      .select({ row: notifications, name: channels.name })
      .from(notifications)
      .innerJoin(channels, eq(channels.id, notifications.channelId))
      .where(eq(notifications.id, idNumber("ntf-", id) ?? 0))
      .get();
    if (!found) throw new ProblemError("not_found", `There is no notification ${id}.`);
    const { row, name } = found;
    if (row.state !== "pending" && row.state !== "dead") {
      throw new ProblemError("illegal_transition", `Notification ${id} was ${row.state}; it is not tried again.`);
    }
    // Those that are in one message are tried together.
    const together = row.messageId === null ? eq(notifications.id, row.id) : eq(notifications.messageId, row.messageId);
    tx.db.update(notifications).set({ state: "pending", waitedMs: 0, nextAttemptAt: now }).where(together).run();
    tx.emit({ type: "notifications_queued", event: { channelIds: [row.channelId], now: true } });
    return shownRow({ ...row, state: "pending", nextAttemptAt: now }, name);
  });
}

function shownRow(row: Row, channel: string): Notification {
  const { alert_id, severity, title, message } = alertOf(row);
  return {
    notification_id: `ntf-${row.id}`,
    channel,
    alert_id,
    // The columns hold what this room wrote.
    event: row.event as NotificationEvent,
    state: row.state as NotificationState,
    severity,
    title,
    message,
    message_id: row.messageId,
    attempts: row.attempts,
    reason: row.reason,
    happened_at: isoTime(row.happenedAt),
    next_attempt_at: row.nextAttemptAt === null ? null : isoTime(row.nextAttemptAt),
    sent_at: row.sentAt === null ? null : isoTime(row.sentAt),
  };
}
