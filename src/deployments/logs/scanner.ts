import { read } from "node:fs";
import { open } from "node:fs/promises";
import { type LogFile, listLog } from "./files.ts";
import { cursorOf, isAfter, type LogLine, PART_BYTES, type Position, parseEntry } from "./format.ts";

/** Read in one go: several entries of the longest kind. */
const CHUNK_BYTES = 64 * 1024;

/** What one look at a log shows. */
export interface Scanned {
  readonly lines: readonly LogLine[];
  /** Before the first of them. */
  readonly from: Position;
  /** Bytes in front of these lines that are no longer kept. */
  readonly skippedBytes: number;
}

/**
 * Reads a log from a position on, over its parts and starts, one bounded piece at a time; what is written meanwhile is
 * found by the next `read`. It keeps one file open, so that a part which is removed under it can be read to its end.
 */
export class LogScanner implements AsyncDisposable {
  readonly #directory: string;
  readonly #buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  #position: Position;
  #open: { file: LogFile; handle: Awaited<ReturnType<typeof open>> } | undefined;

  constructor(directory: string, from: Position) {
    this.#directory = directory;
    this.#position = from;
  }

  /** Behind the last line that was read. */
  get position(): Position {
    return this.#position;
  }

  /** The next lines there are; none at the end. */
  async read(): Promise<Scanned> {
    let skippedBytes = 0;
    for (;;) {
      // Looked for before reading: when there is a next part, nothing is added to this one any more.
      const next = this.#next();
      if (this.#open) {
        const found = await this.#readOpen(this.#open.file, this.#open.handle.fd);
        if (found.lines.length > 0 || !next) return { ...found, skippedBytes };
      } else if (!next) return { lines: [], from: this.#position, skippedBytes };
      skippedBytes += await this.#enter(next);
    }
  }

  /** Goes on elsewhere; what is left of the line there is passed over. */
  async jump(to: Position): Promise<void> {
    await this.#close();
    this.#position = to;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close();
  }

  /** The part to go on with after the open one. */
  #next(): LogFile | undefined {
    const files = listLog(this.#directory);
    const { file } = this.#open ?? {};
    if (file) return files.find((other) => isAfter(other, file));
    const before = files.findLast((other) => !isAfter(other, this.#position));
    if (before && before.start === this.#position.start) return before;
    return files.find((other) => isAfter(other, this.#position));
  }

  /** @returns how much of the same start is missing before it. */
  async #enter(file: LogFile): Promise<number> {
    await this.#close();
    let handle: Awaited<ReturnType<typeof open>>;
    try {
      handle = await open(file.path, "r");
    } catch (error) {
      // Removed in this moment; then there is a later one.
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return 0;
      throw error;
    }
    this.#open = { file, handle };
    const { start, offset } = this.#position;
    if (file.start === start && file.offset <= offset) return 0;
    this.#position = { start: file.start, offset: file.offset };
    return file.start === start ? file.offset - offset : file.offset;
  }

  async #readOpen(file: LogFile, fd: number): Promise<Omit<Scanned, "skippedBytes">> {
    for (;;) {
      const from = this.#position;
      const { start, offset } = from;
      const length = await readAt(fd, this.#buffer, offset - file.offset);
      const bytes = this.#buffer.subarray(0, length);
      const end = bytes.lastIndexOf(0x0a) + 1;
      // Not even one newline: what a power cut leaves, or anything else that is no log.
      const used = end === 0 && length === CHUNK_BYTES ? length : end;
      if (used === 0) return { lines: [], from };
      const lines = entriesOf(bytes.subarray(0, end), { start, offset });
      this.#position = { start, offset: offset + used };
      if (lines.length > 0) return { lines, from };
    }
  }

  async #close(): Promise<void> {
    await this.#open?.handle.close();
    this.#open = undefined;
  }
}

/** The entries in `bytes`, which begin at `position` and end with a newline. */
function entriesOf(bytes: Buffer, { start, offset }: Position): LogLine[] {
  const lines: LogLine[] = [];
  for (let from = 0; from < bytes.length; ) {
    const newline = bytes.indexOf(0x0a, from);
    const line = parseEntry(bytes.subarray(from, newline), cursorOf({ start, offset: offset + newline + 1 }));
    if (line) lines.push(line);
    from = newline + 1;
  }
  return lines;
}

/** Fills `buffer` as far as the file goes; @returns how far. */
export function readAt(fd: number, buffer: Uint8Array, position: number): Promise<number> {
  return new Promise((resolve, reject) =>
    read(fd, buffer, 0, buffer.length, position, (error, length) => (error ? reject(error) : resolve(length))),
  );
}

/** Long enough to hold a whole entry, wherever in one it begins. */
export const ENTRY_ROOM_BYTES = 2 * PART_BYTES + 128;
