import { activityState } from "../../db/schema.ts";
import { type Clock, every } from "../clock.ts";
import { ProblemError } from "../contract/index.ts";
import type { Store, Tx } from "../store/store.ts";

/** Entries put into the index in one transaction: 0.6 ms in the middle, 4 ms in the worst hundredth. */
const CHUNK = 100;

/** Entries a search may wait for to be indexed: about 12 ms. */
const MAX_WAIT = 2_000;

const SWEEP_MS = 30_000;
/** Between two chunks of a long way, for everything else that the server does. */
const PAUSE_MS = 10;

/**
 * The full-text index over the history. Entries come into it a hundred at a time and before each search, not with the
 * write that makes them, which so costs nothing more; what is in it stays in it over a crash.
 */
export class SearchIndex {
  readonly #store: Store;
  readonly #insert;
  readonly #delete;
  readonly #newest;
  readonly #clock: Clock;
  #indexed: number;
  #next: Disposable | undefined;

  constructor({ store, clock }: { store: Store; clock: Clock }) {
    this.#store = store;
    this.#clock = clock;
    this.#insert = store.statement<[number, number], { readonly rowid: number }>(
      `INSERT INTO activity_search (rowid, message, resource_id)
       SELECT id, message, resource_id FROM activities WHERE id > ? AND id <= ?`,
    );
    this.#delete = store.statement<[number, number]>(
      `INSERT INTO activity_search (activity_search, rowid, message, resource_id)
       SELECT 'delete', id, message, resource_id FROM activities WHERE id >= ? AND id <= ?`,
    );
    this.#newest = store.statement<[], { readonly id: number | null }>("SELECT max(id) AS id FROM activities");
    const states = store.db.select().from(activityState).all();
    this.#indexed = states.find(({ name }) => name === "indexed")?.value ?? 0;
  }

  /** Entries that are not in the index yet. */
  get behind(): number {
    return Math.max(0, (this.#newest.get()?.id ?? 0) - this.#indexed);
  }

  /** Keeps up with what is written until disposed. */
  follow(onError: (error: unknown) => void): Disposable {
    const stack = new DisposableStack();
    let since = 0;
    stack.use(
      this.#store.bus.on("activity_stream", () => {
        if (++since < CHUNK) return;
        since = 0;
        this.#continue(onError);
      }),
    );
    stack.use(every(this.#clock, SWEEP_MS, () => this.#continue(onError), onError));
    stack.defer(() => this.#next?.[Symbol.dispose]());
    this.#continue(onError);
    return stack;
  }

  /**
   * Brings the index up to date.
   *
   * @throws ProblemError `unavailable` while it is built over a history that was there before it.
   */
  catchUp(): void {
    const { behind } = this;
    if (behind > MAX_WAIT) {
      const detail = `The search index is being built; ${behind} entries are left. Try again in a while.`;
      throw new ProblemError("unavailable", detail);
    }
    while (this.#advance());
  }

  /** Takes entries out that are about to be deleted, the newest being `through`. */
  remove(_tx: Tx, from: number, through: number): void {
    const last = Math.min(through, this.#indexed);
    if (last >= from) this.#delete.run(from, last);
  }

  #continue(onError: (error: unknown) => void): void {
    if (this.#next) return;
    this.#next = this.#clock.after(PAUSE_MS, () => {
      this.#next = undefined;
      try {
        if (this.#advance()) this.#continue(onError);
      } catch (error) {
        // The next sweep tries again.
        onError(error);
      }
    });
  }

  /** One chunk. @returns whether there is more. */
  #advance(): boolean {
    const newest = this.#newest.get()?.id ?? 0;
    if (newest <= this.#indexed) return false;
    const through = Math.min(newest, this.#indexed + CHUNK);
    this.#store.write((tx) => {
      this.#insert.run(this.#indexed, through);
      const state = { name: "indexed", value: through };
      tx.db.insert(activityState).values(state).onConflictDoUpdate({ target: activityState.name, set: state }).run();
    });
    this.#indexed = through;
    return through < newest;
  }
}
