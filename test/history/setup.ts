import { History } from "../../src/history/history.ts";
import type { Store } from "../../src/store/store.ts";
import { FakeClock } from "../fake-clock.ts";
import { tempDir } from "../temp-dir.ts";
import { openStore } from "../temp-store.ts";

export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** A history over a real store, on a clock of the test's, that can be ended orderly or not and begun again. */
export function historyRig(options: { readonly maxBytes?: number } = {}) {
  const dir = tempDir();
  const clock = new FakeClock();
  const logged: string[] = [];
  const note = (message: string) => void logged.push(message);
  let store: Store;
  let history: History;
  const open = () => {
    store = openStore(dir.path);
    const log = { error: note, warning: note, info: note };
    history = new History({ store, clock, log, record: true, maxBytes: options.maxBytes ?? 2 ** 40 });
  };
  open();
  return {
    clock,
    logged,
    get store() {
      return store;
    },
    get history() {
      return history;
    },
    /** One sample each `cadence` for `ms`. */
    async sample(ms: number, value: number | (() => number), cadence = 2 * SECOND) {
      for (let passed = 0; passed < ms; passed += cadence) {
        history.record("resources", cadence, { cpu: typeof value === "number" ? value : value() });
        await clock.advance(cadence);
      }
    },
    /** The last `ms`. */
    last(ms: number, points = 300) {
      return history.query("resources", { metrics: ["cpu"], from: clock.now() - ms, to: clock.now(), points });
    },
    rows(table: string) {
      return store
        .statement<[], { bucket: number; avg: number; min: number; max: number; count: number }>(
          `SELECT bucket, avg, min, max, count FROM ${table} ORDER BY series, bucket`,
        )
        .all();
    },
    /** As after SIGKILL: what was not committed is gone. */
    crash() {
      store[Symbol.dispose]();
      open();
    },
    restart() {
      history[Symbol.dispose]();
      store[Symbol.dispose]();
      open();
    },
    [Symbol.dispose]() {
      history[Symbol.dispose]();
      store[Symbol.dispose]();
      dir[Symbol.dispose]();
    },
  };
}
