import { asc, eq, gt, max, sql } from "drizzle-orm";
import { deploymentEvents } from "../../db/schema.ts";
import { isoTime } from "../clock.ts";
import { type DeploymentEvent, idNumber } from "../contract/index.ts";
import type { LoggedEvent } from "../store/bus.ts";
import type { EventLog } from "../store/event-log.ts";
import type { Store, Tx } from "../store/store.ts";

type Row = typeof deploymentEvents.$inferSelect;

/** Keeps one event as part of the change it tells of, and has it pushed once that is committed. */
export function recordDeploymentEvent(
  tx: Tx,
  now: number,
  event: Omit<DeploymentEvent, "event_id" | "created_at">,
): void {
  const values = { deploymentId: event.deployment_id, data: event, createdAt: now };
  const { id } = tx.db.insert(deploymentEvents).values(values).returning({ id: deploymentEvents.id }).get();
  // What is kept is what is sent, and that carries the number which only the insert gives.
  const data: DeploymentEvent = { ...event, event_id: `evt-${id}`, created_at: isoTime(now) };
  tx.db.update(deploymentEvents).set({ data }).where(eq(deploymentEvents.id, id)).run();
  tx.emit({ type: "deployment_events", event: { seq: id, timestamp: data.created_at, data } });
}

/** What a replay of `deployment_events` reads. */
export function deploymentEventLog(store: Store): EventLog<DeploymentEvent> {
  const newest = store.db
    .select({ id: max(deploymentEvents.id) })
    .from(deploymentEvents)
    .prepare();
  const after = store.db
    .select()
    .from(deploymentEvents)
    .where(gt(deploymentEvents.id, sql.placeholder("seq")))
    .orderBy(asc(deploymentEvents.id))
    .limit(sql.placeholder("limit"))
    .prepare();
  return {
    newest: () => newest.get()?.id ?? 0,
    after: (seq, limit) => after.all({ seq, limit }).map(toEvent),
    seqOf: (id) => idNumber("evt-", id),
  };
}

/** The column holds what `recordDeploymentEvent` wrote, hence the cast; it is sent again as it was. */
function toEvent({ id, createdAt, data }: Row): LoggedEvent<DeploymentEvent> {
  return { seq: id, timestamp: isoTime(createdAt), data: data as DeploymentEvent };
}
