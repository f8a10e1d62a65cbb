import type { Clock } from "../../clock.ts";
import type { LogLine, Position } from "./format.ts";
import { followLog } from "./reader.ts";

/** What is kept for those who are behind; who is further behind loses the oldest. */
const RING_LINES = 4_096;
const RING_CHARS = 4 * 2 ** 20;
/** In one batch. */
const BATCH_LINES = 500;
const BATCH_CHARS = 64 * 1024;

/** Some lines of a log that is followed. */
export interface LogBatch {
  readonly lines: readonly LogLine[];
  /** Lines before these that were left out, because whoever reads was too slow for them. */
  readonly dropped: number;
  /** There are more already. */
  readonly full: boolean;
}

/** Reads one log as it grows, once for however many follow it, in memory that does not depend on them. */
export class LogFeed {
  readonly #abort = new AbortController();
  readonly #ring: LogLine[] = [];
  #chars = 0;
  /** Of the oldest line in the ring, counted over all that passed. */
  #first = 0;
  #position: Position;
  #followers = 0;
  #news = Promise.withResolvers<void>();
  #failure: unknown;

  constructor(parts: { directory: string; clock: Clock; from: Position; onUnused: () => void }) {
    const { directory, clock, from, onUnused } = parts;
    this.#position = from;
    this.#onUnused = onUnused;
    void this.#run(followLog(directory, from, clock, this.#abort.signal));
  }

  readonly #onUnused: () => void;

  /** Behind the last line that was passed on. */
  get position(): Position {
    return this.#position;
  }

  /** Counts as a follower from now on: every line that is passed on after this call can be taken. */
  follow(): LogFollower {
    this.#followers += 1;
    let next = this.#first + this.#ring.length;
    let left = false;
    return {
      take: () => {
        const dropped = Math.max(0, this.#first - next);
        next = Math.max(next, this.#first);
        const lines: LogLine[] = [];
        for (let chars = 0; lines.length < BATCH_LINES && chars < BATCH_CHARS; next++) {
          const line = this.#ring[next - this.#first];
          if (!line) break;
          lines.push(line);
          chars += line.text.length;
        }
        return { lines, dropped, full: next < this.#first + this.#ring.length };
      },
      news: () => {
        if (this.#failure !== undefined) return Promise.reject(this.#failure);
        return next < this.#first + this.#ring.length || this.ended ? Promise.resolve() : this.#news.promise;
      },
      [Symbol.dispose]: () => {
        if (left) return;
        left = true;
        this.#followers -= 1;
        if (this.#followers === 0) this.end();
      },
    };
  }

  get ended(): boolean {
    return this.#abort.signal.aborted;
  }

  /** Ends it for all. */
  end(): void {
    if (this.ended) return;
    this.#abort.abort();
    this.#onUnused();
    this.#wake();
  }

  async #run(batches: AsyncGenerator<{ lines: readonly LogLine[]; position: Position }>): Promise<void> {
    try {
      for await (const { lines, position } of batches) {
        this.#add(lines);
        this.#position = position;
        this.#wake();
      }
    } catch (error) {
      this.#failure = error;
      this.#news.promise.catch(() => {});
      this.#news.reject(error);
    }
  }

  #add(lines: readonly LogLine[]): void {
    for (const line of lines) {
      this.#ring.push(line);
      this.#chars += line.text.length;
    }
    let gone = 0;
    while (this.#ring.length - gone > RING_LINES || this.#chars > RING_CHARS) {
      this.#chars -= this.#ring[gone++]?.text.length ?? 0;
    }
    this.#ring.splice(0, gone);
    this.#first += gone;
  }

  #wake(): void {
    this.#news.resolve();
    this.#news = Promise.withResolvers();
  }
}

/** One who follows a feed, at a pace of its own. */
export interface LogFollower extends Disposable {
  /** What there is now. */
  take(): LogBatch;
  /** Resolves when there is something to take, or the feed has ended; rejects when the log cannot be read. */
  news(): Promise<void>;
}
