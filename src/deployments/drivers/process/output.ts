import type { ChildProcess } from "node:child_process";
import type { Readable } from "node:stream";
import { systemClock as clock } from "../../../clock.ts";
import { LogWriter } from "../../logs/writer.ts";

/**
 * Keeps what an engine writes. The engine is always read, whatever becomes of the file: a full disk must not make it
 * stand still.
 */
export class Output {
  readonly #writer: LogWriter;

  /** Begins the log of a new start in `directory`. */
  constructor(directory: string) {
    this.#writer = new LogWriter({ directory, clock, begin: "new" });
  }

  /** Resolves when both of its ends are closed. */
  async read({ stdout, stderr }: ChildProcess): Promise<void> {
    await Promise.all([this.#pump("stdout", stdout), this.#pump("stderr", stderr)]);
  }

  lastLines(): readonly string[] {
    return this.#writer.lastLines();
  }

  close(): Promise<void> {
    return this.#writer.close();
  }

  async #pump(name: "stdout" | "stderr", stream: Readable | null): Promise<void> {
    for await (const chunk of stream ?? []) await this.#writer.write(name, chunk);
  }
}
