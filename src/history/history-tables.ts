import { eq } from "drizzle-orm";
import { historySeries, historyState } from "../../db/schema.ts";
import type { Store, Tx } from "../store/store.ts";
import type { Aggregate } from "./aggregate.ts";
import type { Series, SeriesName } from "./series.ts";
import { type Tier, tiers } from "./tiers.ts";

/** What one row takes on disk, its share of half-filled pages included; `bench/history.ts` measures 41 to 57. */
export const BYTES_PER_ROW = 56;

/** A slot of a chart: its number, and what the buckets in it make together. */
export interface SlotRow extends Aggregate {
  readonly slot: number;
}

/** The history's rows: written in bulk, read in ranges, deleted a few at a time. */
export class HistoryTables {
  /** Every series that is stored, by `source` and then `metric`. */
  readonly ids = new Map<string, Map<string, number>>();
  /** Rows in each of `tiers`. */
  readonly rows: number[];
  /** Series that the running flush has deleted. */
  readonly #emptied: SeriesName[] = [];
  readonly #store: Store;
  readonly #tiers: readonly TierTable[];

  constructor(store: Store) {
    this.#store = store;
    this.#tiers = tiers.map((tier) => tierTable(store, tier));
    for (const { id, source, metric } of store.db.select().from(historySeries).all()) this.#know(source, metric, id);
    const state = new Map(
      store.db
        .select()
        .from(historyState)
        .all()
        .map((row) => [row.name, row.value]),
    );
    this.rows = tiers.map(({ name }) => state.get(`rows:${name}`) ?? 0);
  }

  /** About how much room the rows take, in bytes. */
  get bytes(): number {
    return this.rows.reduce((sum, rows) => sum + rows, 0) * BYTES_PER_ROW;
  }

  *names(): Generator<SeriesName & { readonly id: number }> {
    for (const [source, metrics] of this.ids) {
      for (const [metric, id] of metrics) yield { source, metric, id };
    }
  }

  idOf({ source, metric }: SeriesName): number | undefined {
    return this.ids.get(source)?.get(metric);
  }

  /** Forgets a series that has no bucket left in any tier. Inside `prune` of `flush`. */
  deleteIfEmpty(tx: Tx, name: SeriesName): void {
    const id = this.idOf(name);
    if (id === undefined || tiers.some((tier) => this.oldest(tier, id) !== undefined)) return;
    tx.db.delete(historySeries).where(eq(historySeries.id, id)).run();
    this.#emptied.push(name);
  }

  /**
   * Adds what is pending of `all` to the stored buckets and lets `prune` delete, in one transaction. When it throws,
   * nothing was written and everything is still pending.
   *
   * @param prune gets how many rows were added.
   */
  flush(all: readonly Series[], state: Readonly<Record<string, number>>, prune: (tx: Tx, added: number) => void): void {
    const before = [...this.rows];
    this.#emptied.length = 0;
    const made: (readonly [Series, number])[] = [];
    try {
      this.#store.write((tx) => {
        let added = 0;
        for (const series of all) {
          if (!series.hasPending) continue;
          const id = series.id ?? this.idOf(series.name) ?? this.#insertSeries(tx, series.name);
          if (series.id === undefined) made.push([series, id]);
          added += this.#add(id, series);
        }
        prune(tx, added);
        for (const [index, { name }] of tiers.entries()) setState(tx, `rows:${name}`, this.rows[index] ?? 0);
        for (const [name, value] of Object.entries(state)) setState(tx, name, value);
      });
    } catch (error) {
      this.rows.splice(0, before.length, ...before);
      throw error;
    }
    for (const { source, metric } of this.#emptied) {
      const metrics = this.ids.get(source);
      metrics?.delete(metric);
      if (metrics?.size === 0) this.ids.delete(source);
    }
    for (const [series, id] of made) {
      series.id = id;
      this.#know(series.name.source, series.name.metric, id);
    }
    for (const series of all) series.flushed();
  }

  /** What is stored of a series in buckets `[from, to)` of a tier, each `perSlot` of them together. */
  read(tier: Tier, id: number, from: number, to: number, perSlot: number): SlotRow[] {
    return this.#table(tier).read.all(perSlot, id, from, to);
  }

  /** Deletes at most `limit` of a series' buckets before `before`, oldest first. @returns how many. */
  deleteBefore(tier: Tier, id: number, before: number, limit: number): number {
    const { changes } = this.#table(tier).remove.run(id, before, limit);
    const index = tiers.findIndex(({ name }) => name === tier.name);
    this.rows[index] = Math.max(0, (this.rows[index] ?? 0) - changes);
    return changes;
  }

  /** The oldest bucket of a series in a tier. */
  oldest(tier: Tier, id: number): number | undefined {
    return this.#table(tier).oldest.get(id)?.bucket;
  }

  #add(id: number, series: Series): number {
    let added = 0;
    for (const [index, table] of this.#tiers.entries()) {
      let fresh = 0;
      for (const [bucket, { avg, min, max, count }] of series.pending[index] ?? []) {
        // A bucket that was there already has more values now than were added.
        const now = table.add.get(id, bucket, avg, min, max, count);
        if (now?.count === count) fresh++;
      }
      this.rows[index] = (this.rows[index] ?? 0) + fresh;
      added += fresh;
    }
    return added;
  }

  #insertSeries(tx: Tx, name: SeriesName): number {
    return tx.db
      .insert(historySeries)
      .values({ ...name })
      .returning({ id: historySeries.id })
      .get().id;
  }

  #know(source: string, metric: string, id: number): void {
    const metrics = this.ids.get(source) ?? new Map<string, number>();
    this.ids.set(source, metrics.set(metric, id));
  }

  #table(tier: Tier): TierTable {
    const table = this.#tiers[tiers.findIndex(({ name }) => name === tier.name)];
    if (!table) throw new Error(`no table for ${tier.name}`);
    return table;
  }
}

type TierTable = ReturnType<typeof tierTable>;

function tierTable(store: Store, { table }: Tier) {
  type Counted = { readonly count: number };
  return {
    add: store.statement<[number, number, number, number, number, number], Counted>(
      `INSERT INTO ${table} (series, bucket, avg, min, max, count) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT (series, bucket) DO UPDATE SET
         avg = avg + (excluded.avg - avg) * excluded.count / (count + excluded.count),
         min = min(min, excluded.min), max = max(max, excluded.max), count = count + excluded.count
       RETURNING count`,
    ),
    read: store.statement<[number, number, number, number], SlotRow>(
      // The driver hands numbers over as REAL, by which a division leaves fractions.
      `SELECT bucket / CAST(? AS INTEGER) AS slot, sum(avg * count) / sum(count) AS avg, min(min) AS min, max(max) AS max,
         sum(count) AS count
       FROM ${table} WHERE series = ? AND bucket >= ? AND bucket < ? GROUP BY slot`,
    ),
    remove: store.statement<[number, number, number]>(
      // better-sqlite3 builds SQLite with ENABLE_UPDATE_DELETE_LIMIT on every platform.
      `DELETE FROM ${table} WHERE series = ? AND bucket < ? ORDER BY bucket LIMIT ?`,
    ),
    oldest: store.statement<[number], { readonly bucket: number }>(
      `SELECT bucket FROM ${table} WHERE series = ? ORDER BY bucket LIMIT 1`,
    ),
  };
}

function setState(tx: Tx, name: string, value: number): void {
  tx.db
    .insert(historyState)
    .values({ name, value })
    .onConflictDoUpdate({ target: historyState.name, set: { value } })
    .run();
}
