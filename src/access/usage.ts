import type { Clock } from "../clock.ts";

/** Milliseconds over which uses are gathered before they are stored: "last used" is no reason to write on every request. */
export const USE_STORED_WITHIN_MS = 60_000;

/** When each credential was last used: in memory at once, in the store once a minute at most. */
export class Usage implements Disposable {
  readonly #clock: Clock;
  readonly #store: (used: ReadonlyMap<number, number>) => void;
  readonly #onError: (error: unknown) => void;
  /** By row; as many as there are credentials in use, at most. */
  readonly #pending = new Map<number, number>();
  #due: Disposable | undefined;

  /** @param parts.store writes the times of the rows it is handed, in one transaction. */
  constructor(parts: {
    clock: Clock;
    store: (used: ReadonlyMap<number, number>) => void;
    onError: (error: unknown) => void;
  }) {
    this.#clock = parts.clock;
    this.#store = parts.store;
    this.#onError = parts.onError;
  }

  note(row: number): void {
    this.#pending.set(row, this.#clock.now());
    this.#due ??= this.#clock.after(USE_STORED_WITHIN_MS, () => this.#flush());
  }

  /** The later of what is stored and what is not stored yet. */
  latest(row: number, stored: number): number;
  latest(row: number, stored: number | null): number | null;
  latest(row: number, stored: number | null): number | null {
    return this.#pending.get(row) ?? stored;
  }

  forget(row: number): void {
    this.#pending.delete(row);
  }

  #flush(): void {
    this.#due?.[Symbol.dispose]();
    this.#due = undefined;
    if (this.#pending.size === 0) return;
    const used = new Map(this.#pending);
    this.#pending.clear();
    try {
      this.#store(used);
    } catch (error) {
      // When a credential was last used is not worth more than what it was used for.
      this.#onError(error);
    }
  }

  [Symbol.dispose](): void {
    this.#flush();
  }
}
