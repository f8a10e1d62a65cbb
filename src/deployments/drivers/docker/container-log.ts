import { openSync, readSync } from "node:fs";
import type { Clock } from "../../../clock.ts";
import { closeQuietly, listLog, sizeOf } from "../../logs/files.ts";
import { PART_BYTES, parseEntry } from "../../logs/format.ts";
import { LogWriter } from "../../logs/writer.ts";
import type { LogFrame } from "./log-frames.ts";
import type { LogTimes } from "./log-position.ts";

/** Of the end of a log, to see where it ends: a moment's lines of the fastest engine. */
const TAIL_BYTES = 64 * PART_BYTES;

const RETURN = 0x0d;
const NEWLINE = 0x0a;

/**
 * The log of one start of a container: each line that the Engine hands over is one entry, with the time that the Engine
 * gave it. So the log itself says what of the container's output is in it, whenever this server was killed.
 */
export class ContainerLog {
  readonly #directory: string;
  readonly #writer: LogWriter;

  /** @param begin a new start's, or the newest one, to go on with it. */
  constructor(directory: string, clock: Clock, begin: "new" | "continue") {
    this.#directory = directory;
    this.#writer = new LogWriter({ directory, clock, begin });
  }

  /** Of the lines that are in it, the last at least; none of a new one. */
  times(): LogTimes {
    const files = listLog(this.#directory);
    const start = files.at(-1)?.start;
    // The newest part may just have been begun.
    const parts = files.filter((file) => file.start === start);
    const read = parts.map(({ path }) => timesIn(path));
    return {
      times: read.flatMap(({ times }) => times),
      whole: (parts[0]?.offset ?? 0) === 0 && read.every(({ whole }) => whole),
    };
  }

  /** @returns what to wait for before the next call. */
  add({ stream, bytes, partial, time }: LogFrame): Promise<void> | undefined {
    return this.#writer.add(stream, shown(bytes), !partial, time);
  }

  /** A line of our own. */
  note(text: string): void {
    this.#writer.mark(text);
  }

  lastLines(): readonly string[] {
    return this.#writer.lastLines();
  }

  close(): Promise<void> {
    return this.#writer.close();
  }
}

/** Of a line that was written over and over, as progress bars are, the last state. */
function shown(bytes: Uint8Array): Uint8Array {
  const end = bytes.at(-1) === RETURN ? bytes.length - 1 : bytes.length;
  return bytes.subarray(bytes.subarray(0, end).lastIndexOf(RETURN) + 1, end);
}

function timesIn(path: string): LogTimes {
  const size = sizeOf(path);
  const tail = Buffer.alloc(Math.min(size, TAIL_BYTES));
  let file: number;
  try {
    file = openSync(path, "r");
  } catch {
    // Nothing can be read of it, so all that the Engine has is new.
    return { times: [], whole: true };
  }
  try {
    readSync(file, tail, 0, tail.length, size - tail.length);
  } finally {
    closeQuietly(file);
  }
  const times: number[] = [];
  let from = size > tail.length ? tail.indexOf(NEWLINE) + 1 : 0;
  for (;;) {
    const end = tail.indexOf(NEWLINE, from);
    if (end === -1) return { times, whole: size === tail.length };
    const entry = parseEntry(tail.subarray(from, end), "");
    if (entry && entry.stream !== "system") times.push(Date.parse(entry.timestamp));
    from = end + 1;
  }
}
