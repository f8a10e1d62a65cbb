/**
 * The world's time, passed in so that decisions can be tested without waiting.
 *
 * `now` is the wall clock (may jump); `monotonic` only goes forward and is the one to measure durations with.
 */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number;
  /** Milliseconds since an arbitrary start; never goes back, unaffected by clock changes. */
  monotonic(): number;
  /** Calls `run` once after `ms` milliseconds; disposing before that cancels it. */
  after(ms: number, run: () => void): Disposable;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms);
    return { [Symbol.dispose]: () => clearTimeout(timer) };
  },
};

/** ISO 8601 in UTC with milliseconds and `Z`, the one timestamp format on the wire. */
export function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}

/**
 * Runs `tick` every `intervalMs`, on the grid that starts now.
 *
 * Ticks do not drift (each is due at start + n × interval), never overlap (a tick still running when the next is due
 * makes that one be skipped) and never burst (slots missed by a stall or a suspended machine are skipped).
 * `tick` handles its own errors: a rejection is passed to `onError` and the cadence goes on.
 */
export function every(
  clock: Clock,
  intervalMs: number,
  tick: () => void | Promise<void>,
  onError: (error: unknown) => void,
): Disposable {
  const start = clock.monotonic();
  let slot = 0;
  let disposed = false;
  let running = false;
  let timer: Disposable | undefined;

  const schedule = () => {
    const elapsed = clock.monotonic() - start;
    slot = Math.max(slot + 1, Math.ceil(elapsed / intervalMs));
    timer = clock.after(Math.max(0, start + slot * intervalMs - clock.monotonic()), fire);
  };
  const fire = () => {
    if (disposed) return;
    schedule();
    if (running) return;
    running = true;
    // A synchronous throw and a rejection are the same to the cadence.
    Promise.resolve()
      .then(tick)
      .catch(onError)
      .finally(() => {
        running = false;
      });
  };
  schedule();
  return {
    [Symbol.dispose]() {
      disposed = true;
      timer?.[Symbol.dispose]();
    },
  };
}

/** Between two looks, the wall clock may be off from the monotonic one by this much before it counts as set. */
const JUMP_MS = 5_000;

/** For this long the wall clock must not have been set before it is believed how old something is. */
const STEADY_MS = 10 * 60_000;

/**
 * Says whether the wall clock can be believed about ages: a machine without a battery starts in 1970 or 2099 until it
 * is told the time, and what is deleted for its age then is gone for good.
 */
export class SteadyWatch {
  readonly #clock: Clock;
  #wall: number;
  #monotonic: number;
  #since: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#wall = clock.now();
    this.#monotonic = clock.monotonic();
    this.#since = this.#monotonic;
  }

  /** Looks at both clocks. To be called every few minutes at least. */
  look(): boolean {
    const [wall, monotonic] = [this.#clock.now(), this.#clock.monotonic()];
    if (Math.abs(wall - this.#wall - (monotonic - this.#monotonic)) > JUMP_MS) this.#since = monotonic;
    [this.#wall, this.#monotonic] = [wall, monotonic];
    return monotonic - this.#since >= STEADY_MS;
  }
}
