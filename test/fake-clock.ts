import type { Clock } from "../src/clock.ts";

interface Timer {
  due: number;
  order: number;
  run: () => void;
}

/** A clock that stands still until told: `advance` runs what is due on the way, in order. */
export class FakeClock implements Clock {
  #wall: number;
  #monotonic = 0;
  #order = 0;
  #timers = new Set<Timer>();

  constructor(startMs = Date.UTC(2025, 0, 1, 12)) {
    this.#wall = startMs;
  }

  now(): number {
    return this.#wall;
  }

  monotonic(): number {
    return this.#monotonic;
  }

  after(ms: number, run: () => void): Disposable {
    const timer = { due: this.#monotonic + ms, order: this.#order++, run };
    this.#timers.add(timer);
    return { [Symbol.dispose]: () => void this.#timers.delete(timer) };
  }

  /** How many timers are waiting: a leak check. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Moves time on by `ms`, running each timer at its due time and letting promises settle after each. */
  async advance(ms: number): Promise<void> {
    const end = this.#monotonic + ms;
    await settle();
    for (;;) {
      const next = [...this.#timers].filter((t) => t.due <= end).sort((a, b) => a.due - b.due || a.order - b.order)[0];
      if (!next) break;
      this.#timers.delete(next);
      this.#move(Math.max(next.due, this.#monotonic));
      next.run();
      await settle();
    }
    this.#move(end);
    await settle();
  }

  /** The machine slept or the process was stopped: time passes, timers fire late and once. */
  async stall(ms: number): Promise<void> {
    this.#move(this.#monotonic + ms);
    await this.advance(0);
  }

  /** Someone set the wall clock; durations are not affected. */
  jumpWall(ms: number): void {
    this.#wall += ms;
  }

  #move(to: number): void {
    this.#wall += to - this.#monotonic;
    this.#monotonic = to;
  }
}

/** Lets promise chains that are ready run to their end. */
async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}
