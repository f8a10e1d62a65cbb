import { historyState } from "../../db/schema.ts";
import { type Clock, every, isoTime, SteadyWatch } from "../clock.ts";
import type { HistoryAnswer } from "../contract/index.ts";
import type { Store } from "../store/store.ts";
import type { Aggregate } from "./aggregate.ts";
import { gridOf, rawSlots, storedSlots, timesOf } from "./chart.ts";
import { HistoryTables } from "./history-tables.ts";
import { unitOf } from "./metrics.ts";
import { prune } from "./retention.ts";
import { Series, type SeriesName } from "./series.ts";
import { chooseTier, RAW_KEEP_MS, type Span } from "./tiers.ts";

/** How often what is in memory goes into the store, and so how much a crash can lose. */
export const FLUSH_MS = 60_000;

/** Series with samples in memory at most; each takes about 8 KiB. At the limit new ones are not recorded. */
const MAX_SERIES = 2_048;

export interface HistoryParts {
  readonly store: Store;
  readonly clock: Clock;
  /** A LogTape `Logger`. */
  readonly log: {
    [Level in "error" | "info" | "warning"]: (message: string, properties?: Record<string, unknown>) => void;
  };
  /** Whether anything is recorded; what was recorded can be read either way. */
  readonly record: boolean;
  readonly maxBytes: number;
}

/** What is asked of a source's history. */
export interface HistoryQuery extends Span {
  /** Exact names, or what stands before a dot (`gpu` for all of `gpu.…`); none for all there are. */
  readonly metrics: readonly string[];
}

/**
 * Figures over time: every sample of the last 15 minutes in memory, and in the store average, least, greatest and count
 * for buckets that grow with age.
 *
 * A sample belongs to the bucket in which the wall clock places it and is counted there once, so a clock that is set
 * makes a gap or a fuller bucket, never a second one. Where nothing was sampled there is no bucket. What was recorded
 * goes into the store once a minute and at the end.
 */
export class History implements Disposable {
  readonly recording: boolean;
  readonly #parts: HistoryParts;
  readonly #tables: HistoryTables;
  readonly #series = new Map<string, Map<string, Series>>();
  readonly #timer: Disposable | undefined;
  #count = 0;
  #full = false;
  #failing = false;
  readonly #steady: SteadyWatch;

  constructor(parts: HistoryParts) {
    const { store, clock, log } = parts;
    this.#parts = parts;
    this.recording = parts.record;
    this.#tables = new HistoryTables(store);
    this.#steady = new SteadyWatch(clock);
    if (!parts.record) return;
    this.#begin();
    this.#timer = every(
      clock,
      FLUSH_MS,
      () => this.flush(),
      (error) => log.error("Keeping the history failed: {error}", { error }),
    );
  }

  /** About how much room the stored history takes, in bytes. */
  get bytes(): number {
    return this.#tables.bytes;
  }

  /** Rows stored. */
  get rows(): number {
    return this.#tables.rows.reduce((sum, rows) => sum + rows, 0);
  }

  /**
   * Takes one sample of a source. What is null or no finite number leaves a gap.
   *
   * @param cadenceMs how far apart the source's samples are.
   */
  record(source: string, cadenceMs: number, values: Readonly<Record<string, number | null>>): void {
    if (!this.recording) return;
    const [now, monotonic] = [this.#parts.clock.now(), this.#parts.clock.monotonic()];
    for (const [metric, value] of Object.entries(values)) {
      if (value === null || !Number.isFinite(value)) continue;
      const series = this.#series.get(source)?.get(metric) ?? this.#newSeries(source, metric, cadenceMs);
      series?.add(now, value);
      if (series) series.touched = monotonic;
    }
  }

  /** A chart-ready answer; `available` has a value for each name that matched, and for each that matches nothing. */
  query(source: string, query: HistoryQuery): HistoryAnswer {
    const live = this.#series.get(source) ?? new Map<string, Series>();
    const stored = this.#tables.ids.get(source) ?? new Map<string, number>();
    const metrics = select([...new Set([...stored.keys(), ...live.keys()])].sort(), query.metrics);
    const rings = metrics.flatMap((metric) => live.get(metric)?.ring ?? []);
    const raw = {
      since: Math.min(...rings.map((ring) => ring.oldestTime ?? Number.POSITIVE_INFINITY)),
      cadenceMs: Math.max(1, ...metrics.map((metric) => live.get(metric)?.cadenceMs ?? 1)),
    };
    const choice = chooseTier(query, this.#parts.clock.now(), raw);
    const newest = Math.max(0, ...rings.map((ring) => ring.newestTime ?? 0));
    // Samples come a few milliseconds early or late: in the middle of their slots none falls into its neighbour's.
    const origin = choice.tier ? 0 : (newest + raw.cadenceMs / 2) % choice.stepMs;
    const grid = gridOf(query.from, query.to, choice.stepMs, origin);
    return {
      from: isoTime(query.from),
      to: isoTime(query.to),
      tier: choice.tier?.name ?? "raw",
      step_seconds: choice.stepMs / 1000,
      times: timesOf(choice.tier ? grid : { ...grid, origin: origin + raw.cadenceMs / 2 }),
      series: metrics.map((metric) => {
        const series = live.get(metric);
        const slots = choice.tier
          ? storedSlots(this.#tables, choice, grid, stored.get(metric), series)
          : rawSlots(grid, series);
        return { metric, unit: unitOf(metric), ...columns(slots, grid.first, grid.count) };
      }),
    };
  }

  /** Writes what is not in the store yet. After a failure it is kept, up to 15 minutes of it, and tried again. */
  flush(): void {
    this.#write({});
  }

  /** Writes what is left, and that nothing is missing. */
  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
    if (this.recording) this.#write({ recording: 0 });
  }

  #begin(): void {
    const { store, clock, log } = this.#parts;
    const since = store.db
      .select()
      .from(historyState)
      .all()
      .find(({ name }) => name === "recording")?.value;
    if (since) {
      const at = isoTime(since);
      log.warning(
        "The last run ended without writing its history to the end: what was measured in the minute after {at} is lost",
        { at },
      );
    }
    this.#write({ recording: clock.now() });
  }

  #write(state: Readonly<Record<string, number>>): void {
    const { clock, log, maxBytes } = this.#parts;
    const steady = this.#steady.look();
    const all = [...this.#series.values()].flatMap((metrics) => [...metrics.values()]);
    try {
      this.#tables.flush(all, { recording: clock.now(), ...state }, (tx, added) => {
        const isLive = ({ source, metric }: SeriesName) => this.#series.get(source)?.has(metric) === true;
        if (steady) prune(this.#tables, tx, { now: clock.now(), maxBytes, added, isLive });
      });
      if (this.#failing) log.info("The history is written again");
      this.#failing = false;
    } catch (error) {
      if (!this.#failing)
        log.error("The history cannot be written, and is kept in memory for 15 minutes: {error}", { error });
      this.#failing = true;
    }
    this.#forget();
  }

  /** What has had no sample for so long that the ring has nothing to show. */
  #forget(): void {
    const before = this.#parts.clock.monotonic() - RAW_KEEP_MS;
    for (const [source, metrics] of this.#series) {
      for (const [metric, series] of metrics) {
        if (series.touched >= before || series.hasPending) continue;
        metrics.delete(metric);
        this.#count--;
        this.#full = false;
      }
      if (metrics.size === 0) this.#series.delete(source);
    }
  }

  #newSeries(source: string, metric: string, cadenceMs: number): Series | undefined {
    if (this.#count >= MAX_SERIES) {
      if (!this.#full)
        this.#parts.log.warning(
          "More than {limit} figures are measured; {source} {metric} and others have no history",
          { limit: MAX_SERIES, source, metric },
        );
      this.#full = true;
      return undefined;
    }
    const name = { source, metric };
    const series = new Series(name, this.#tables.idOf(name), cadenceMs);
    const metrics = this.#series.get(source) ?? new Map<string, Series>();
    this.#series.set(source, metrics.set(metric, series));
    this.#count++;
    return series;
  }
}

/** Every name that is asked for or lies under one that is; a name that is unknown stands for itself. */
function select(known: readonly string[], asked: readonly string[]): string[] {
  if (asked.length === 0) return [...known];
  const found = asked.flatMap((name) => {
    const under = known.filter((metric) => metric === name || metric.startsWith(`${name}.`));
    return under.length > 0 ? under : [name];
  });
  return [...new Set(found)];
}

function columns(slots: ReadonlyMap<number, Aggregate>, first: number, count: number) {
  const gaps = () => new Array<number | null>(count).fill(null);
  const made = { avg: gaps(), min: gaps(), max: gaps(), count: new Array<number>(count).fill(0) };
  for (const [slot, aggregate] of slots) {
    const at = slot - first;
    made.avg[at] = round(aggregate.avg);
    made.min[at] = round(aggregate.min);
    made.max[at] = round(aggregate.max);
    made.count[at] = aggregate.count;
  }
  return made;
}

/** To a thousandth: more is the noise of averaging, and makes the answer a third longer. */
function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
