import { type Clock, every, SteadyWatch } from "../clock.ts";
import type { Store } from "../store/store.ts";
import type { SearchIndex } from "./search-index.ts";

/** Entries deleted in one transaction: about 4 ms in which nothing else is written. */
const CHUNK = 200;
/** Between two chunks, for other writes. */
const PAUSE_MS = 20;
const SWEEP_MS = 60_000;
const DAY_MS = 86_400_000;

export interface RetentionParts {
  readonly store: Store;
  readonly index: Pick<SearchIndex, "remove">;
  readonly clock: Clock;
  readonly maxDays: number;
  readonly maxCount: number;
  readonly onError: (error: unknown) => void;
}

/**
 * Deletes the oldest entries while they are too old or too many, from the oldest on and never one in the middle, so
 * that the number of the oldest says which are gone. The newest always stays: it tells where the numbers stand.
 */
export function keepWithin(parts: RetentionParts): Disposable {
  const { store, clock } = parts;
  const oldest = store.statement<[number], { readonly id: number; readonly time: number }>(
    "SELECT id, created_at AS time FROM activities ORDER BY id LIMIT ?",
  );
  const newest = store.statement<[], { readonly id: number | null }>("SELECT max(id) AS id FROM activities");
  const remove = store.statement<[number]>("DELETE FROM activities WHERE id <= ?");
  const removeSteps = store.statement<[number]>("DELETE FROM activity_clock_steps WHERE first_id <= ?");
  const steady = new SteadyWatch(clock);
  let next: Disposable | undefined;

  /** @returns whether there is more to delete. */
  const chunk = (aged: boolean): boolean => {
    const last = newest.get()?.id ?? 0;
    const cutoff = aged ? clock.now() - parts.maxDays * DAY_MS : Number.NEGATIVE_INFINITY;
    const rows = oldest.all(CHUNK);
    const keep = rows.findIndex(({ id, time }) => id === last || (id > last - parts.maxCount && time >= cutoff));
    const gone = keep === -1 ? rows : rows.slice(0, keep);
    const [first, through] = [gone[0], gone.at(-1)];
    if (!first || !through) return false;
    store.write((tx) => {
      parts.index.remove(tx, first.id, through.id);
      remove.run(through.id);
      removeSteps.run(through.id);
    });
    return keep === -1;
  };
  const sweep = (aged: boolean) => {
    next = undefined;
    if (chunk(aged)) {
      next = clock.after(PAUSE_MS, () => {
        try {
          sweep(aged);
        } catch (error) {
          parts.onError(error);
        }
      });
    }
  };
  const timer = every(
    clock,
    SWEEP_MS,
    () => {
      const aged = steady.look();
      if (!next) sweep(aged);
    },
    parts.onError,
  );
  return {
    [Symbol.dispose]() {
      timer[Symbol.dispose]();
      next?.[Symbol.dispose]();
    },
  };
}
