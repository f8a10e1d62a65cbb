import { type Aggregate, aggregateOf, mergeAt } from "./aggregate.ts";
import { Ring } from "./ring.ts";
import { RAW_KEEP_MS, tiers } from "./tiers.ts";

/** Unwritten buckets of one tier kept while the store takes no writes: 15 minutes of the finest. Older ones are lost. */
const MAX_PENDING = 90;

/** What is measured, of what: `resources` and `cpu`, `dep-12` and `latency`. */
export interface SeriesName {
  readonly source: string;
  readonly metric: string;
}

/** One series in memory: its last samples, and what of its buckets is not in the store yet. */
export class Series {
  readonly name: SeriesName;
  /** Its number in the store; undefined until it is first written. */
  id: number | undefined;
  readonly ring: Ring;
  /** How far apart its samples are. */
  readonly cadenceMs: number;
  /** What has to be added to the stored buckets, for each of `tiers`, by the bucket's number. */
  readonly pending: readonly Map<number, Aggregate>[] = tiers.map(() => new Map());
  /** Monotonic milliseconds of the newest sample. */
  touched = 0;

  constructor(name: SeriesName, id: number | undefined, cadenceMs: number) {
    this.name = name;
    this.id = id;
    this.cadenceMs = cadenceMs;
    // A few more, so that the oldest is older than what is promised when ticks come late.
    this.ring = new Ring(Math.ceil(RAW_KEEP_MS / cadenceMs) + 10);
  }

  /** @param time wall clock, milliseconds since the epoch; it says which bucket the value belongs to. */
  add(time: number, value: number): void {
    this.ring.push(time, value);
    const sample = aggregateOf(value);
    for (const [index, { stepMs }] of tiers.entries()) {
      const buckets = this.pending[index];
      if (!buckets) continue;
      mergeAt(buckets, Math.floor(time / stepMs), sample);
      if (buckets.size > MAX_PENDING) {
        const [oldest] = buckets.keys();
        if (oldest !== undefined) buckets.delete(oldest);
      }
    }
  }

  get hasPending(): boolean {
    return this.pending.some((buckets) => buckets.size > 0);
  }

  /** All of it is in the store now. */
  flushed(): void {
    for (const buckets of this.pending) buckets.clear();
  }
}
