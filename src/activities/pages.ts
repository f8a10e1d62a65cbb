import { type Activity, activityType, severity } from "../contract/index.ts";
import type { Store } from "../store/store.ts";
import type { IdRange } from "./time-ranges.ts";

/** A row of `activities` as SQLite gives it. */
export interface ActivityRow {
  readonly id: number;
  readonly activity_type: string;
  readonly message: string;
  readonly severity: string;
  readonly resource_type: string | null;
  readonly resource_id: string | null;
  /** JSON. */
  readonly extra_data: string;
  readonly created_at: number;
}

export interface ActivityFilter {
  readonly activity_type?: Activity["activity_type"] | undefined;
  readonly severity?: Activity["severity"] | undefined;
  readonly resource_type?: string | undefined;
  readonly resource_id?: string | undefined;
  /** A query of FTS5. */
  readonly match?: string | undefined;
}

type Order = "asc" | "desc";
type Value = string | number;
type Condition = readonly [column: string, value: string | undefined];

/**
 * Reads pages of the history so that each costs about as much as it is long, however long the history is: by an index
 * that is in the order of the page, and where a filter leaves one open, by one short read for each of its values.
 */
export class Pages {
  readonly #store: Store;
  readonly #statements = new Map<string, ReturnType<typeof prepare>>();

  constructor(store: Store) {
    this.#store = store;
  }

  /** The first `limit` matching rows in `ranges`, which are in ascending order and do not overlap. */
  read(filter: ActivityFilter, ranges: readonly IdRange[], order: Order, limit: number): ActivityRow[] {
    const rows: ActivityRow[] = [];
    for (const range of order === "asc" ? ranges : ranges.toReversed()) {
      if (rows.length >= limit) break;
      rows.push(...this.#readRange(filter, range, order, limit - rows.length));
    }
    return rows;
  }

  #readRange(filter: ActivityFilter, range: IdRange, order: Order, limit: number): ActivityRow[] {
    const type: Condition = ["activity_type", filter.activity_type];
    const grave: Condition = ["severity", filter.severity];
    const kind: Condition = ["resource_type", filter.resource_type];
    const which: Condition = ["resource_id", filter.resource_id];
    const run = (from: string, conditions: readonly Condition[], first: readonly Value[] = []) =>
      this.#run(from, conditions, first, range, order, limit);

    if (filter.match !== undefined) {
      const from = "activity_search s JOIN activities a ON a.id = s.rowid WHERE activity_search MATCH ? AND s.rowid";
      return run(from, [type, grave, kind, which], [filter.match]);
    }
    const severities = filter.severity === undefined ? severity.options : [filter.severity];
    const inOrder = (parts: ActivityRow[]) =>
      parts.sort((a, b) => (order === "asc" ? a.id - b.id : b.id - a.id)).slice(0, limit);
    if (filter.resource_id !== undefined) {
      const from = "activities a INDEXED BY activities_resource_id WHERE a.id";
      return inOrder(severities.flatMap((one) => run(from, [which, ["severity", one], kind, type])));
    }
    if (filter.activity_type !== undefined || filter.severity !== undefined) {
      const types = filter.activity_type === undefined ? activityType.options : [filter.activity_type];
      const parts = types.flatMap((one) =>
        severities.flatMap((other) =>
          run("activities a INDEXED BY activities_kind WHERE a.id", [
            ["activity_type", one],
            ["severity", other],
            kind,
          ]),
        ),
      );
      return inOrder(parts);
    }
    if (filter.resource_type !== undefined) {
      return run("activities a INDEXED BY activities_resource_type WHERE a.id", [kind]);
    }
    return run("activities a WHERE a.id", []);
  }

  #run(
    from: string,
    conditions: readonly Condition[],
    first: readonly Value[],
    { low, high }: IdRange,
    order: Order,
    limit: number,
  ): ActivityRow[] {
    const given = conditions.flatMap(([column, value]) => (value === undefined ? [] : [{ column, value }]));
    const also = given.map(({ column }) => ` AND a.${column} = ?`).join("");
    const numbered = from.includes("s.rowid") ? "s.rowid" : "a.id";
    const sql = `SELECT a.* FROM ${from} BETWEEN ? AND ?${also} ORDER BY ${numbered} ${order} LIMIT ?`;
    const statement = this.#statements.get(sql) ?? prepare(this.#store, sql);
    // As many as there are sets of filters: fewer than a hundred.
    this.#statements.set(sql, statement);
    return statement.all(...first, low, high, ...given.map(({ value }) => value), limit);
  }
}

function prepare(store: Store, sql: string) {
  return store.statement<Value[], ActivityRow>(sql);
}
