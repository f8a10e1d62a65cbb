import type { Store } from "../store/store.ts";

/** Numbers of activities from `low` to `high`, both included. */
export interface IdRange {
  readonly low: number;
  readonly high: number;
}

/** Finds activities by time, through their numbers. */
export class TimeRanges {
  readonly #steps;
  readonly #at;
  readonly #before;
  readonly #insert;

  constructor(store: Store) {
    type Moment = { readonly id: number; readonly time: number };
    this.#steps = store.statement<[], { readonly id: number }>(
      "SELECT first_id AS id FROM activity_clock_steps ORDER BY first_id",
    );
    this.#at = store.statement<[number], Moment>(
      "SELECT id, created_at AS time FROM activities WHERE id >= ? ORDER BY id LIMIT 1",
    );
    this.#before = store.statement<[number], Moment>(
      "SELECT id, created_at AS time FROM activities WHERE id <= ? ORDER BY id DESC LIMIT 1",
    );
    this.#insert = store.statement<[number]>("INSERT INTO activity_clock_steps (first_id) VALUES (?)");
  }

  /** Notes, in the transaction that writes activity `id`, that its time is before that of the one before it. */
  clockWasSetBack(id: number): void {
    this.#insert.run(id);
  }

  /** The ranges, in order, of the activities from `since` to `until`, both included; milliseconds since the epoch. */
  between(since: number, until: number): IdRange[] {
    const oldest = this.#at.get(0);
    const newest = this.#before.get(Number.MAX_SAFE_INTEGER);
    if (!oldest || !newest) return [];
    const starts = [
      oldest.id,
      ...this.#steps
        .all()
        .map(({ id }) => id)
        .filter((id) => id > oldest.id),
    ];
    return starts.flatMap((start, i) => {
      const end = (starts[i + 1] ?? newest.id + 1) - 1;
      if ((this.#at.get(start)?.time ?? 0) > until || (this.#before.get(end)?.time ?? 0) < since) return [];
      const low = this.#first(start, end, (time) => time >= since);
      const high = this.#first(start, end, (time) => time > until) - 1;
      return low <= high ? [{ low, high }] : [];
    });
  }

  /** The least number in `[start, end]` from which on `holds` is true, `end + 1` when it never is. */
  #first(start: number, end: number, holds: (time: number) => boolean): number {
    let [low, high] = [start, end + 1];
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const found = this.#at.get(middle);
      if (!found || found.id >= high || holds(found.time)) high = middle;
      else low = found.id + 1;
    }
    return low;
  }
}
