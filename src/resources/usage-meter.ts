import type { Clock } from "../clock.ts";

/** Counters that only grow, in any unit that both share. */
export interface CpuTimes {
  readonly busy: number;
  readonly total: number;
}

/** Two readings this close together say what the CPU does now, and long enough apart for ticks of 10 ms. */
const BASELINE_MS = 100;

/** A reading older than this says what was, not what is; the sampler reads every 2 s. */
const STALE_MS = 6_000;

/** Turns counters into usage between two readings, taking a short measurement of its own where there is no recent one. */
export class UsageMeter {
  readonly #clock: Clock;
  readonly #take: () => CpuTimes;
  #previous: (CpuTimes & { readonly at: number }) | undefined;

  constructor(clock: Clock, take: () => CpuTimes) {
    this.#clock = clock;
    this.#take = take;
  }

  /** What was used since the last reading; null when the counters did not move or went back. */
  async read(): Promise<CpuTimes | null> {
    let previous = this.#previous;
    if (!previous || this.#clock.monotonic() - previous.at > STALE_MS) {
      previous = this.#stamped();
      await new Promise<void>((resolve) => void this.#clock.after(BASELINE_MS, resolve));
    }
    const current = this.#stamped();
    this.#previous = current;
    const busy = current.busy - previous.busy;
    const total = current.total - previous.total;
    return busy >= 0 && total > 0 ? { busy, total } : null;
  }

  #stamped() {
    return { ...this.#take(), at: this.#clock.monotonic() };
  }
}
