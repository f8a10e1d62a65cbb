import type { Clock } from "../../../clock.ts";
import type { Instance } from "../driver.ts";
import type { Pull } from "./bring-container.ts";
import type { ContainerEngine } from "./container-engine.ts";
import { ContainerLog } from "./container-log.ts";
import { followLog } from "./follow-log.ts";
import { LogFrames } from "./log-frames.ts";
import { pause } from "./patience.ts";

/** For what a container that has ended wrote last. */
const DRAIN_MS = 2_000;
/** For a report of a failure; each is cut after so many bytes. */
const LAST_LINES = 50;
const LAST_LINE_BYTES = 2_000;

export interface ContainerOutputParts {
  readonly engine: ContainerEngine;
  readonly clock: Clock;
  /** DATA_DIR/logs/dep-3. */
  readonly directory: string;
  /** Aborted when the server lets go of the container: nothing is read any more. */
  readonly signal: AbortSignal;
  /** Something was written, or came further. */
  readonly onProgress: () => void;
}

/** What can be seen of one run: how far its start is, and what its container writes. */
export class ContainerOutput {
  readonly #parts: ContainerOutputParts;
  #log: ContainerLog | undefined;
  #progress: Instance["progress"];
  #following: Promise<void> = Promise.resolve();

  constructor(parts: ContainerOutputParts) {
    this.#parts = parts;
  }

  get progress(): Instance["progress"] {
    return this.#progress;
  }

  /** Begins the log of a new start; without it the one that there is goes on. */
  begin(): void {
    this.#log ??= this.#open("new");
  }

  /** @param pull undefined when it is over. */
  pulls(pull: Pull | undefined): void {
    this.#parts.onProgress();
    const before = this.#progress;
    this.#progress = pull && { step: `pulling the image ${pull.image}`, percent: pull.pulled.percent };
    if (!this.#progress) return;
    const { step, percent } = this.#progress;
    if (!before) this.#log?.note(step);
    // Each tenth, and not each of the Engine's many messages.
    else if (tenth(percent) > tenth(before.percent)) this.#log?.note(`${step}: ${percent} %`);
  }

  /** Copies what a container writes until it is over, also while it is being stopped. */
  follow(id: string): void {
    const { engine, clock, signal, onProgress: onLine } = this.#parts;
    this.#log ??= this.#open("continue");
    const over = async () => {
      try {
        return (await engine.inspect(id))?.state !== "running";
      } catch {
        return false;
      }
    };
    this.#following = followLog(id, { engine, log: this.#log, clock, signal, over, onLine });
  }

  /** Waits for what a container that has ended wrote last, but not for an output that does not end. */
  async drained(): Promise<void> {
    const { clock, signal } = this.#parts;
    const done = new AbortController();
    await Promise.race([this.#following, pause(clock, DRAIN_MS, AbortSignal.any([signal, done.signal]))]);
    done.abort();
  }

  /** Of a container that has ended, oldest first: as the Engine has them, as this server may have been away. */
  async lastLines(id: string): Promise<readonly string[]> {
    try {
      return linesOf(await this.#parts.engine.tail(id, LAST_LINES));
    } catch {
      return this.#log?.lastLines() ?? [];
    }
  }

  async close(): Promise<void> {
    await this.#log?.close();
  }

  #open(begin: "new" | "continue"): ContainerLog {
    return new ContainerLog(this.#parts.directory, this.#parts.clock, begin);
  }
}

function tenth(percent: number | null): number {
  return Math.floor((percent ?? 0) / 10);
}

function linesOf(log: Uint8Array): string[] {
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes.subarray(0, LAST_LINE_BYTES));
  return [...new LogFrames().read(log)].map(({ bytes }) => text(bytes));
}
