import { readdirSync, rmSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../../clock.ts";
import { ProblemError } from "../../contract/index.ts";
import { type LogBatch, LogFeed, type LogFollower } from "./feed.ts";
import { endOfLog } from "./files.ts";
import { cursorOf, parseCursor } from "./format.ts";
import { lastLinesOf, partsOf, tailOf } from "./places.ts";
import { type LogQuery, pause, readLog } from "./reader.ts";

/** A follower gets its lines in batches at least so far apart, so that a fast log is few large ones. */
const BATCH_MS = 50;
/** Without a line, an empty batch comes this often: whoever hands it on sees that the other end is still there. */
export const HEARTBEAT_MS = 15_000;

const EMPTY: LogBatch = { lines: [], dropped: 0, full: false };

/** The logs of all deployments, for whoever reads them. */
export class DeploymentLogs implements Disposable {
  readonly #directory: string;
  readonly #clock: Clock;
  readonly #feeds = new Map<string, Promise<LogFeed>>();
  readonly #ended = new AbortController();

  /** @param parts.directory DATA_DIR/logs. */
  constructor(parts: { directory: string; clock: Clock }) {
    this.#directory = parts.directory;
    this.#clock = parts.clock;
  }

  /** What is in the log now, in bounded pieces. @throws ProblemError `validation_failed` for an `after` that is no cursor. */
  read(deploymentId: string, query: LogQuery): AsyncGenerator<LogBatch> {
    check(query);
    return batches(readLog(this.#of(deploymentId), query));
  }

  /**
   * What `query` asks for, then every line as it comes, over restarts of the engine, until `signal` is aborted or the
   * server shuts down. However slowly it is taken, nothing piles up: `dropped` then says how much was left out.
   *
   * @throws ProblemError as `read`.
   */
  follow(deploymentId: string, query: LogQuery, signal: AbortSignal): AsyncGenerator<LogBatch> {
    check(query);
    return this.#follow(deploymentId, query, AbortSignal.any([signal, this.#ended.signal]));
  }

  /** The cursor of its end now; of the very beginning when there is nothing yet. */
  end(deploymentId: string): string {
    return cursorOf(endOfLog(this.#of(deploymentId)) ?? { start: 0, offset: 0 });
  }

  /** What the engine of the current start wrote last, oldest first; none where nothing is kept. */
  lastLines(deploymentId: string): string[] {
    return lastLinesOf(this.#of(deploymentId));
  }

  /** Forgets the log of a deployment that was removed. */
  async remove(deploymentId: string): Promise<void> {
    const feed = this.#feeds.get(deploymentId);
    if (feed) (await feed).end();
    await rm(this.#of(deploymentId), { recursive: true, force: true });
  }

  /** Removes the logs of deployments that are not in `keep`: they were removed while nobody could do it. */
  sweep(keep: ReadonlySet<string>): void {
    for (const name of namesIn(this.#directory)) {
      if (/^dep-[0-9]+$/.test(name) && !keep.has(name)) {
        rmSync(join(this.#directory, name), { recursive: true, force: true });
      }
    }
  }

  /** Ends everybody's following, when the server shuts down. */
  [Symbol.dispose](): void {
    this.#ended.abort();
  }

  async *#follow(deploymentId: string, query: LogQuery, signal: AbortSignal): AsyncGenerator<LogBatch> {
    const directory = this.#of(deploymentId);
    let feed = await this.#feed(deploymentId);
    // Its last follower may have left in this moment.
    while (feed.ended) feed = await this.#feed(deploymentId);
    // In this order and in one step: what comes from now on is taken from the feed, what came before from the file.
    using follower = feed.follow();
    const until = feed.position;
    for await (const lines of readLog(directory, query, until)) {
      if (signal.aborted) return;
      yield { ...EMPTY, lines };
    }
    while (!signal.aborted && !feed.ended) {
      const batch = follower.take();
      if (batch.lines.length > 0) {
        yield batch;
        if (!batch.full) await pause(this.#clock, BATCH_MS, signal);
      } else if (await idle(follower, this.#clock, signal)) yield EMPTY;
    }
  }

  #feed(deploymentId: string): Promise<LogFeed> {
    const known = this.#feeds.get(deploymentId);
    if (known) return known;
    const made = this.#makeFeed(deploymentId);
    this.#feeds.set(deploymentId, made);
    return made;
  }

  async #makeFeed(deploymentId: string): Promise<LogFeed> {
    const directory = this.#of(deploymentId);
    const onUnused = () => void this.#feeds.delete(deploymentId);
    try {
      const from = await tailOf(partsOf(directory, "current"), 0);
      return new LogFeed({ directory, clock: this.#clock, from, onUnused });
    } catch (error) {
      onUnused();
      throw error;
    }
  }

  #of(deploymentId: string): string {
    return join(this.#directory, deploymentId);
  }
}

/** @returns true when there was nothing for so long that a heartbeat is due. */
function idle(follower: LogFollower, clock: Clock, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const over = (late: boolean) => {
      timer[Symbol.dispose]();
      signal.removeEventListener("abort", aborted);
      resolve(late);
    };
    const aborted = () => over(false);
    const timer = clock.after(HEARTBEAT_MS, () => over(true));
    signal.addEventListener("abort", aborted);
    follower.news().then(
      () => over(false),
      (error) => {
        // First, so that it is this which counts.
        reject(error);
        over(false);
      },
    );
  });
}

async function* batches(pieces: ReturnType<typeof readLog>): AsyncGenerator<LogBatch> {
  for await (const lines of pieces) yield { ...EMPTY, lines };
}

function check({ after }: LogQuery): void {
  if (after === undefined || parseCursor(after)) return;
  const errors = [{ field: "after", message: "must be the cursor of a line, like 3-4096" }];
  throw new ProblemError("validation_failed", "That is no place in a log.", errors);
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
