import { type Clock, isoTime } from "../clock.ts";
import { type Activity, type Actor, type CreateActivity, idNumber } from "../contract/index.ts";
import type { LoggedEvent } from "../store/bus.ts";
import type { EventLog } from "../store/event-log.ts";
import type { Store, Tx } from "../store/store.ts";
import { type ActivityFilter, type ActivityRow, Pages } from "./pages.ts";
import { SearchIndex } from "./search-index.ts";
import { searchQuery } from "./search-words.ts";
import { type IdRange, TimeRanges } from "./time-ranges.ts";

export type NewActivity = Omit<Activity, "id" | "created_at">;

const DONE_BY_SOMEBODY: ReadonlySet<Activity["activity_type"]> = new Set([
  "model_deployment",
  "download_task",
  "user_operation",
]);

export interface ActivitySelection extends Omit<ActivityFilter, "match"> {
  /** What people type to search, see `searchQuery`. */
  readonly q?: string | undefined;
  /** ISO 8601, both inclusive. */
  readonly since?: string | undefined;
  readonly until?: string | undefined;
}

export interface ActivityQuery extends ActivitySelection {
  /** Oldest first from this id on; without it, newest first. */
  readonly after?: string | undefined;
  readonly before?: string | undefined;
  readonly limit: number;
}

export interface ActivityPage {
  readonly items: Activity[];
  /** Continues in the same direction; null at the end. */
  readonly next: string | null;
  /** The oldest entry that is kept, where older ones that were deleted may have belonged into the answer. */
  readonly gone_before: string | null;
}

/** The history: what happened, kept in the order it was committed, and told to the `activity_stream`. */
export class Activities {
  /** What a replay of `activity_stream` reads. */
  readonly log: EventLog<Activity>;
  readonly index: SearchIndex;
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #insert;
  readonly #times: TimeRanges;
  readonly #pages: Pages;
  readonly #actor: () => Actor | undefined;
  #lastTime: number;

  /** @param parts.actor says whose command is being carried out, if one is. */
  constructor(parts: { store: Store; clock: Clock; actor?: () => Actor | undefined }) {
    const { store, clock } = parts;
    this.#store = store;
    this.#clock = clock;
    this.#actor = parts.actor ?? (() => undefined);
    this.#times = new TimeRanges(store);
    this.#pages = new Pages(store);
    this.index = new SearchIndex({ store, clock });
    this.log = activityLog(store, this.#pages);
    // Every write of the server passes here, so the statement is prepared once.
    this.#insert = store.statement<[string, string, string, string | null, string | null, string, number], ActivityRow>(
      `INSERT INTO activities (activity_type, message, severity, resource_type, resource_id, extra_data, created_at)
       VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING *`,
    );
    this.#lastTime = this.#pages.read({}, [ALL], "desc", 1)[0]?.created_at ?? 0;
  }

  /** Writes one entry as part of a change that is being written; the push follows that change's commit. */
  record(tx: Tx, entry: NewActivity): Activity {
    const now = this.#clock.now();
    const row = this.#insert.get(
      entry.activity_type,
      entry.message,
      entry.severity,
      entry.resource_type,
      entry.resource_id,
      JSON.stringify(this.#withActor(entry)),
      now,
    );
    if (!row) throw new Error("an insert returned nothing");
    if (now < this.#lastTime) this.#times.clockWasSetBack(row.id);
    this.#lastTime = now;
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

  /**
   * A page of entries that match every given field.
   *
   * @throws ProblemError when `q` has nothing to look for, or the search index is still being built.
   */
  list(query: ActivityQuery): ActivityPage {
    const low = query.after === undefined ? 1 : (idNumber("act-", query.after) ?? 0) + 1;
    const high = query.before === undefined ? ALL.high : (idNumber("act-", query.before) ?? 0) - 1;
    const order = query.after === undefined ? "desc" : "asc";
    const rows = this.#read(query, { low, high }, order, query.limit + 1);
    const items = rows.slice(0, query.limit).map((row) => toEvent(row).data);
    const next = rows.length > query.limit ? (items.at(-1)?.id ?? null) : null;
    const oldest = this.log.oldest?.() ?? 0;
    const reachesBack = order === "asc" || next === null;
    return { items, next, gone_before: reachesBack && low < oldest ? `act-${oldest}` : null };
  }

  /** Everything that matches and is there now, oldest first, a page at a time; nothing is kept between two pages. */
  *all(selection: ActivitySelection, pageSize: number): Generator<Activity[]> {
    const high = this.log.newest();
    if (selection.q !== undefined) searchQuery(selection.q);
    for (let low = 1; low <= high; ) {
      const rows = this.#read(selection, { low, high }, "asc", pageSize);
      const last = rows.at(-1);
      if (last) yield rows.map((row) => toEvent(row).data);
      if (!last || rows.length < pageSize) return;
      low = last.id + 1;
    }
  }

  #read(selection: ActivitySelection, within: IdRange, order: "asc" | "desc", limit: number): ActivityRow[] {
    const { q, since, until, ...filter } = selection;
    const match = q === undefined ? undefined : searchQuery(q);
    if (match !== undefined) this.index.catchUp();
    const timed =
      since === undefined && until === undefined
        ? [ALL]
        : this.#times.between(
            since === undefined ? Number.NEGATIVE_INFINITY : Date.parse(since),
            until === undefined ? Number.POSITIVE_INFINITY : Date.parse(until),
          );
    const ranges = timed
      .map((range) => ({ low: Math.max(range.low, within.low), high: Math.min(range.high, within.high) }))
      .filter(({ low, high }) => low <= high);
    return this.#pages.read({ ...filter, match }, ranges, order, limit);
  }
}

const ALL: IdRange = { low: 1, high: Number.MAX_SAFE_INTEGER };

function activityLog(store: Store, pages: Pages): EventLog<Activity> {
  type Id = { readonly id: number | null };
  const newest = store.statement<[], Id>("SELECT max(id) AS id FROM activities");
  const oldest = store.statement<[], Id>("SELECT min(id) AS id FROM activities");
  return {
    newest: () => newest.get()?.id ?? 0,
    oldest: () => oldest.get()?.id ?? 0,
    after: (seq, limit) => pages.read({}, [{ ...ALL, low: seq + 1 }], "asc", limit).map(toEvent),
    seqOf: (id) => idNumber("act-", id),
  };
}

/** A row as the stream sends it. The columns hold what the contract's schemas let in, hence the narrowing. */
function toEvent(row: ActivityRow): LoggedEvent<Activity> {
  const created = isoTime(row.created_at);
  const data: Activity = {
    id: `act-${row.id}`,
    activity_type: row.activity_type as Activity["activity_type"],
    message: row.message,
    severity: row.severity as Activity["severity"],
    resource_type: row.resource_type,
    resource_id: row.resource_id,
    created_at: created,
    extra_data: JSON.parse(row.extra_data) as Activity["extra_data"],
  };
  return { seq: row.id, timestamp: created, data };
}
