import { and, asc, desc, eq, gt, gte, lt, lte, max, type SQL, sql } from "drizzle-orm";
import { activities } from "../../db/schema.ts";
import { type Clock, isoTime } from "../clock.ts";
import { type Activity, type Actor, type CreateActivity, idNumber } from "../contract/index.ts";
import type { LoggedEvent } from "../store/bus.ts";
import type { EventLog } from "../store/event-log.ts";
import type { Store, Tx } from "../store/store.ts";

type Row = typeof activities.$inferSelect;
export type NewActivity = Omit<Activity, "id" | "created_at">;

const DONE_BY_SOMEBODY: ReadonlySet<Activity["activity_type"]> = new Set([
  "model_deployment",
  "download_task",
  "user_operation",
]);

export interface ActivityQuery {
  /** Oldest first from this id on; without it, newest first. */
  readonly after?: string | undefined;
  readonly before?: string | undefined;
  readonly activity_type?: Activity["activity_type"] | undefined;
  readonly severity?: Activity["severity"] | undefined;
  readonly resource_type?: string | undefined;
  readonly resource_id?: string | undefined;
  /** ISO 8601, both inclusive. */
  readonly since?: string | undefined;
  readonly until?: string | undefined;
  readonly limit: number;
}

/** The history: what happened, kept in the order it was committed, and told to the `activity_stream`. */
export class Activities {
  /** What a replay of `activity_stream` reads. */
  readonly log: EventLog<Activity>;
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #insert;
  readonly #actor: () => Actor | undefined;

  /** @param parts.actor says whose command is being carried out, if one is. */
  constructor(parts: { store: Store; clock: Clock; actor?: () => Actor | undefined }) {
    this.#store = parts.store;
    this.#clock = parts.clock;
    this.#actor = parts.actor ?? (() => undefined);
    this.#insert = prepareInsert(parts.store);
    this.log = activityLog(parts.store);
  }

  /** Writes one entry as part of a change that is being written; the push follows that change's commit. */
  record(tx: Tx, entry: NewActivity): Activity {
    const row = this.#insert.get({
      activityType: entry.activity_type,
      message: entry.message,
      severity: entry.severity,
      resourceType: entry.resource_type,
      resourceId: entry.resource_id,
      extraData: this.#withActor(entry),
      createdAt: this.#clock.now(),
    });
    const event = toEvent(row);
    tx.emit({ type: "activity_stream", event });
    return event.data;
  }

  /** What somebody did says who did it. What a threshold or a probe found is nobody's doing, also during a command. */
  #withActor({ activity_type, extra_data }: NewActivity): Activity["extra_data"] {
    const actor = DONE_BY_SOMEBODY.has(activity_type) ? this.#actor() : undefined;
    return actor ? { ...extra_data, actor } : extra_data;
  }

  /** Writes an entry somebody sent. */
  create(input: CreateActivity): Activity {
    return this.#store.write((tx) => this.record(tx, input));
  }

  /** A page of entries that match every given field; `next` continues in the same direction, null at the end. */
  list(query: ActivityQuery): { items: Activity[]; next: string | null } {
    const where: (SQL | undefined)[] = [
      query.after === undefined ? undefined : gt(activities.id, idNumber("act-", query.after) ?? 0),
      query.before === undefined ? undefined : lt(activities.id, idNumber("act-", query.before) ?? 0),
      query.activity_type && eq(activities.activityType, query.activity_type),
      query.severity && eq(activities.severity, query.severity),
      query.resource_type && eq(activities.resourceType, query.resource_type),
      query.resource_id && eq(activities.resourceId, query.resource_id),
      query.since && gte(activities.createdAt, Date.parse(query.since)),
      query.until && lte(activities.createdAt, Date.parse(query.until)),
    ].map((part) => part || undefined);
    const rows = this.#store.db
      .select()
      .from(activities)
      .where(and(...where))
      .orderBy(query.after === undefined ? desc(activities.id) : asc(activities.id))
      .limit(query.limit + 1)
      .all();
    const items = rows.slice(0, query.limit).map((row) => toEvent(row).data);
    return { items, next: rows.length > query.limit ? (items.at(-1)?.id ?? null) : null };
  }
}

/** Every write of the server passes here, so the statement is prepared once. */
function prepareInsert(store: Store) {
  return store.db
    .insert(activities)
    .values({
      activityType: sql.placeholder("activityType"),
      message: sql.placeholder("message"),
      severity: sql.placeholder("severity"),
      resourceType: sql.placeholder("resourceType"),
      resourceId: sql.placeholder("resourceId"),
      extraData: sql.placeholder("extraData"),
      createdAt: sql.placeholder("createdAt"),
    })
    .returning()
    .prepare();
}

function activityLog(store: Store): EventLog<Activity> {
  const newest = store.db
    .select({ id: max(activities.id) })
    .from(activities)
    .prepare();
  const after = store.db
    .select()
    .from(activities)
    .where(gt(activities.id, sql.placeholder("seq")))
    .orderBy(asc(activities.id))
    .limit(sql.placeholder("limit"))
    .prepare();
  return {
    newest: () => newest.get()?.id ?? 0,
    after: (seq, limit) => after.all({ seq, limit }).map(toEvent),
    seqOf: (id) => idNumber("act-", id),
  };
}

/** A row as the stream sends it. The columns hold what the contract's schemas let in, hence the narrowing. */
function toEvent(row: Row): LoggedEvent<Activity> {
  const created = isoTime(row.createdAt);
  const data: Activity = {
    id: `act-${row.id}`,
    activity_type: row.activityType as Activity["activity_type"],
    message: row.message,
    severity: row.severity as Activity["severity"],
    resource_type: row.resourceType,
    resource_id: row.resourceId,
    created_at: created,
    extra_data: { ...row.extraData },
  };
  return { seq: row.id, timestamp: created, data };
}
