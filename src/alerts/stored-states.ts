import { eq } from "drizzle-orm";
import { alertStates } from "../../db/schema.ts";
import type { Clock } from "../clock.ts";
import type { Store, Tx } from "../store/store.ts";
import { type AlertState, QUIET, resumed } from "./alert-state.ts";
import { type RuleName, rules } from "./rules.ts";

/** Where the state of each resource instance outlives the process. */
export class StoredStates {
  readonly #store: Store;
  readonly #clock: Clock;

  constructor(parts: { store: Store; clock: Clock }) {
    this.#store = parts.store;
    this.#clock = parts.clock;
  }

  /** What an earlier process knew: as it was `stored`, and as it is taken up. */
  load(): { key: string; rule: RuleName; state: AlertState; stored: AlertState }[] {
    const rows = this.#store.db.select().from(alertStates).all();
    return rows.flatMap(({ key, rule, state, savedAt }) => {
      // A rule that a newer version had is left alone.
      if (!isRuleName(rule)) return [];
      // The column holds what `put` wrote; what a later version added to it has its beginning.
      const stored = { ...QUIET, ...(state as AlertState) };
      return [{ key, rule, state: resumed(stored, this.#clock.now() - savedAt), stored }];
    });
  }

  put(tx: Tx, key: string, rule: RuleName, state: AlertState): void {
    const values = { rule, state, savedAt: this.#clock.now() };
    tx.db
      .insert(alertStates)
      .values({ key, ...values })
      .onConflictDoUpdate({ target: alertStates.key, set: values })
      .run();
  }

  drop(tx: Tx, key: string): void {
    tx.db.delete(alertStates).where(eq(alertStates.key, key)).run();
  }
}

function isRuleName(name: string): name is RuleName {
  return Object.hasOwn(rules, name);
}
