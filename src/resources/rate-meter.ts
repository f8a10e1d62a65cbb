import type { Clock } from "../clock.ts";

interface Counters {
  readonly bytes_sent: number | null;
  readonly bytes_recv: number | null;
}

interface Rates {
  readonly bytes_sent_per_sec: number | null;
  readonly bytes_recv_per_sec: number | null;
}

/** Beyond this an average says nothing about now; the sampler reads every 2 s. */
const STALE_MS = 10_000;

/** Bytes a second between two readings of counters; null at the first, after a pause, and when a counter went back. */
export class RateMeter {
  readonly #clock: Clock;
  readonly #staleMs: number;
  #previous: (Counters & { readonly at: number }) | undefined;

  constructor(clock: Clock, staleMs = STALE_MS) {
    this.#clock = clock;
    this.#staleMs = staleMs;
  }

  read(counters: Counters): Rates {
    const at = this.#clock.monotonic();
    const previous = this.#previous;
    this.#previous = { ...counters, at };
    const seconds = previous ? (at - previous.at) / 1000 : 0;
    const rate = (now: number | null, before: number | null | undefined) => {
      if (now === null || typeof before !== "number" || now < before) return null;
      return seconds > 0 && seconds * 1000 <= this.#staleMs ? Math.round((now - before) / seconds) : null;
    };
    return {
      bytes_sent_per_sec: rate(counters.bytes_sent, previous?.bytes_sent),
      bytes_recv_per_sec: rate(counters.bytes_recv, previous?.bytes_recv),
    };
  }
}
