import type { ChildProcess } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, renameSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { StringDecoder } from "node:string_decoder";
import { systemClock as clock, isoTime } from "../../../clock.ts";

/** Kept in memory for the report of a failure; each is cut after so many characters. */
const LAST_LINES = 50;
const LAST_LINE_LENGTH = 2_000;
/** A line longer than this goes on in the next one, as the CRI format of Kubernetes does it. */
const PART_LENGTH = 16_384;
/** What one start writes beyond this is not kept, and that is said. */
const FILE_LIMIT_BYTES = 64 * 2 ** 20;

/**
 * What an engine writes, as lines `2026-11-25T12:00:00.123Z stdout F text` in a file for each start, the one before kept.
 * The engine is always read, whatever becomes of the file: a full disk must not make it stand still.
 */
export class Output {
  readonly #last: string[] = [];
  #file: number | undefined;
  #bytes = 0;

  constructor(directory: string) {
    try {
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      const current = join(directory, "current.log");
      if (existsSync(current)) renameSync(current, join(directory, "previous.log"));
      this.#file = openSync(current, "w", 0o600);
    } catch {
      // No log can be kept; its last lines are, in memory.
    }
  }

  /** Resolves when both of its ends are closed. */
  async read({ stdout, stderr }: ChildProcess): Promise<void> {
    await Promise.all([this.#pump("stdout", stdout), this.#pump("stderr", stderr)]);
  }

  lastLines(): readonly string[] {
    return this.#last;
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }

  async #pump(name: string, stream: Readable | null): Promise<void> {
    const decoder = new StringDecoder("utf8");
    let rest = "";
    for await (const chunk of stream ?? []) {
      const lines = (rest + decoder.write(chunk)).split("\n");
      rest = lines.pop() ?? "";
      const text = lines.map((line) => this.#line(name, line)).join("");
      this.#write(text);
      for (; rest.length > PART_LENGTH; rest = rest.slice(PART_LENGTH)) {
        this.#write(this.#part(name, rest.slice(0, PART_LENGTH)));
      }
    }
    if (rest !== "") this.#write(this.#line(name, rest));
  }

  #line(name: string, line: string): string {
    this.#last.push(line.slice(0, LAST_LINE_LENGTH));
    if (this.#last.length > LAST_LINES) this.#last.shift();
    let parts = "";
    for (; line.length > PART_LENGTH; line = line.slice(PART_LENGTH))
      parts += this.#part(name, line.slice(0, PART_LENGTH));
    return `${parts}${isoTime(clock.now())} ${name} F ${line}\n`;
  }

  #part(name: string, text: string): string {
    return `${isoTime(clock.now())} ${name} P ${text}\n`;
  }

  #write(text: string): void {
    if (this.#file === undefined || text === "") return;
    const full = this.#bytes + text.length > FILE_LIMIT_BYTES;
    const mark = `${isoTime(clock.now())} system F what is written from here on is not kept: the log has its size\n`;
    try {
      this.#bytes += writeSync(this.#file, full ? mark : text);
    } catch {
      // The disk is full: this piece is lost, the next may not be.
    }
    if (full) this.close();
  }
}
