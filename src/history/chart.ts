import { type Aggregate, aggregateOf, mergeAt } from "./aggregate.ts";
import type { HistoryTables } from "./history-tables.ts";
import type { Series } from "./series.ts";
import type { Choice } from "./tiers.ts";
import { tiers } from "./tiers.ts";

/** The moments of a chart: slot `first + i` is drawn at `origin + (first + i) * stepMs`. */
export interface Grid {
  readonly origin: number;
  readonly stepMs: number;
  readonly first: number;
  readonly count: number;
}

/** The grid of `stepMs` that covers `[from, to)`. */
export function gridOf(from: number, to: number, stepMs: number, origin = 0): Grid {
  const first = Math.floor((from - origin) / stepMs);
  return { origin, stepMs, first, count: Math.max(1, Math.ceil((to - origin) / stepMs) - first) };
}

export function timesOf({ origin, stepMs, first, count }: Grid): number[] {
  return Array.from({ length: count }, (_, i) => origin + (first + i) * stepMs);
}

/** What the store has of a series, and what of it is not there yet, slot by slot. */
export function storedSlots(
  tables: HistoryTables,
  choice: Choice,
  grid: Grid,
  id: number | undefined,
  series: Series | undefined,
): Map<number, Aggregate> {
  const { tier } = choice;
  const slots = new Map<number, Aggregate>();
  if (!tier) return slots;
  const perSlot = grid.stepMs / tier.stepMs;
  const [from, to] = [grid.first * perSlot, (grid.first + grid.count) * perSlot];
  if (id !== undefined) {
    for (const { slot, ...aggregate } of tables.read(tier, id, from, to, perSlot)) slots.set(slot, aggregate);
  }
  const pending = series?.pending[tiers.findIndex(({ name }) => name === tier.name)] ?? [];
  for (const [bucket, aggregate] of pending) {
    if (bucket >= from && bucket < to) mergeAt(slots, Math.floor(bucket / perSlot), aggregate);
  }
  return slots;
}

/** What is in memory of a series, slot by slot. */
export function rawSlots(grid: Grid, series: Series | undefined): Map<number, Aggregate> {
  const slots = new Map<number, Aggregate>();
  for (const { time, value } of series?.ring.entries() ?? []) {
    const slot = Math.floor((time - grid.origin) / grid.stepMs);
    if (slot >= grid.first && slot < grid.first + grid.count) mergeAt(slots, slot, aggregateOf(value));
  }
  return slots;
}
