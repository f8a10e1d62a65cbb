import type { Tx } from "../store/store.ts";
import { BYTES_PER_ROW, type HistoryTables } from "./history-tables.ts";
import type { SeriesName } from "./series.ts";
import { type Tier, tiers } from "./tiers.ts";

/** Rows deleted at one go at most, unless more than that were added: 2,000 take 2 to 5 ms. */
const CHUNK = 2_000;

/** Part of a tier's time that is given up at once when the history is larger than it may be. */
const SHARE = 1 / 20;

/**
 * Deletes what is too old, and the oldest of the largest tier while all of it is too large, at most a chunk. Called
 * once a minute inside the recorder's transaction, so what is left over is deleted by the next calls.
 *
 * @param isLive whether a series has samples in memory; others are forgotten with their last bucket.
 */
export function prune(
  tables: HistoryTables,
  tx: Tx,
  options: {
    readonly now: number;
    readonly maxBytes: number;
    readonly added: number;
    readonly isLive: (name: SeriesName) => boolean;
  },
): void {
  // Twice what was added, so that it catches up however much is recorded.
  let left = Math.max(CHUNK, 2 * options.added);
  const all = [...tables.names()];
  const deleteBefore = (tier: Tier, before: number, limit: number) => {
    for (const { id, ...name } of all) {
      if (limit <= 0) break;
      const deleted = tables.deleteBefore(tier, id, before, limit);
      limit -= deleted;
      left -= deleted;
      if (deleted > 0 && !options.isLive(name)) tables.deleteIfEmpty(tx, name);
    }
  };
  for (const tier of tiers) deleteBefore(tier, Math.floor((options.now - tier.keepMs) / tier.stepMs), left);

  const excess = Math.ceil((tables.bytes - options.maxBytes) / BYTES_PER_ROW);
  const tier = tiers[tables.rows.indexOf(Math.max(...tables.rows))];
  if (excess <= 0 || !tier) return;
  const oldest = Math.min(...all.map(({ id }) => tables.oldest(tier, id) ?? Number.POSITIVE_INFINITY));
  const newest = Math.floor(options.now / tier.stepMs);
  // Where a wrong clock has put rows into the future, the oldest may be newer than the newest.
  const cut = oldest + Math.max(1, Math.ceil((newest - oldest) * SHARE));
  deleteBefore(tier, cut, Math.min(left, excess));
}
