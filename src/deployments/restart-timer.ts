import type { Clock } from "../clock.ts";
import { afterTime, isSettled, type Restarts, untilStableMs } from "./restart-policy.ts";

/** Awake time is counted in steps of at most this. */
const STEP_MS = 5_000;
/** A step that took this much longer than it should: the server stood still or the machine slept, which is not counted. */
const SLACK_MS = 2_000;

export interface RestartTimerParts {
  readonly clock: Clock;
  readonly isRunning: () => boolean;
  /** The delay is over. */
  readonly onDue: () => void;
  /** It has been running long enough to count as stable; `restarts` is what is true from now on. */
  readonly onStable: (restarts: Restarts) => void;
}

/** Lets time work on a deployment's restarts, and only while there is something that it changes. */
export class RestartTimer implements Disposable {
  readonly #parts: RestartTimerParts;
  #restarts: Restarts;
  #timer: Disposable | undefined;

  constructor(restarts: Restarts, parts: RestartTimerParts) {
    this.#parts = parts;
    this.#restarts = restarts;
  }

  get restarts(): Restarts {
    return this.#restarts;
  }

  /** From now on `restarts` is true; a delay that was pending is off, or begins. */
  set(restarts: Restarts): void {
    this.#restarts = restarts;
    this.run();
  }

  /** Begins to count, as after a start of the server. */
  run(): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    if (isSettled(this.#restarts)) return;
    const { clock } = this.#parts;
    const step = Math.min(STEP_MS, this.#restarts.waitMs ?? Math.max(1, untilStableMs(this.#restarts)));
    const began = clock.monotonic();
    this.#timer = clock.after(step, () => this.#pass(Math.min(clock.monotonic() - began, step + SLACK_MS)));
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
  }

  #pass(ms: number): void {
    const { isRunning, onDue, onStable } = this.#parts;
    const after = afterTime(this.#restarts, ms, isRunning());
    if (isSettled(after)) {
      onStable(after);
      return;
    }
    this.#restarts = after;
    if (after.waitMs === 0) onDue();
    else this.run();
  }
}
