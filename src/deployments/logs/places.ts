import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { open } from "node:fs/promises";
import { type LogFile, listLog, sizeOf } from "./files.ts";
import { type Position, parseEntry } from "./format.ts";
import { ENTRY_ROOM_BYTES, readAt } from "./scanner.ts";

/** Below that a search goes on line by line. */
const SEARCH_END_BYTES = 64 * 1024;
const BACKWARD_BYTES = 64 * 1024;
const LAST_BYTES = 32 * 1024;
const NEWLINE = 0x0a;

/** The parts of the newest start, or of the one before it; none when there is no such start. */
export function partsOf(directory: string, which: "current" | "previous"): LogFile[] {
  const files = listLog(directory);
  const starts = [...new Set(files.map(({ start }) => start))];
  const start = starts.at(which === "current" ? -1 : -2);
  return files.filter((file) => file.start === start);
}

/** Where the last `count` entries of `parts` begin; 0 gives the end of the last whole one. */
export async function tailOf(parts: readonly LogFile[], count: number): Promise<Position> {
  let newlines = 0;
  for (const file of parts.toReversed()) {
    const found = await withFile(file, async (fd, size) => {
      // No Buffer: Deno's `lastIndexOf` takes no place to begin at.
      const buffer = new Uint8Array(BACKWARD_BYTES);
      for (let end = size; end > 0; ) {
        const begin = Math.max(0, end - BACKWARD_BYTES);
        const length = await readAt(fd, buffer.subarray(0, end - begin), begin);
        for (let at = length; at > 0; ) {
          at = buffer.lastIndexOf(NEWLINE, at - 1);
          if (at === -1) break;
          if (newlines++ === count) return begin + at + 1;
        }
        end = begin;
      }
      return undefined;
    });
    if (found !== undefined) return { start: file.start, offset: file.offset + found };
  }
  return beginningOf(parts);
}

/** A place before the first entry that is not older than `since` (ISO 8601), and less than `SEARCH_END_BYTES` before it. */
export async function placeOf(parts: readonly LogFile[], since: string): Promise<Position> {
  for (const file of parts.toReversed()) {
    const found = await withFile(file, async (fd, size) => {
      const older = async (at: number) => {
        const timestamp = await timeAfter(fd, at);
        return timestamp !== undefined && timestamp < since;
      };
      if (!(await older(0))) return undefined;
      let low = 0;
      for (let high = size; high - low > SEARCH_END_BYTES; ) {
        const middle = Math.floor((low + high) / 2);
        if (await older(middle)) low = middle;
        else high = middle;
      }
      return low;
    });
    if (found !== undefined) return { start: file.start, offset: file.offset + found };
  }
  return beginningOf(parts);
}

/** The engine's own lines at the very end, as many as fit into a small read that nobody has to wait for. */
export function lastLinesOf(directory: string): string[] {
  const last = partsOf(directory, "current").at(-1);
  if (!last) return [];
  try {
    const fd = openSync(last.path, "r");
    try {
      const size = fstatSync(fd).size;
      const buffer = Buffer.allocUnsafe(Math.min(size, LAST_BYTES));
      const bytes = buffer.subarray(0, readSync(fd, buffer, 0, buffer.length, size - buffer.length));
      const entries = bytes.toString("latin1").split("\n");
      const lines = entries.map((entry) => parseEntry(Buffer.from(entry, "latin1"), ""));
      return lines.flatMap((line) => (line && line.stream !== "system" ? [line.text] : []));
    } finally {
      closeSync(fd);
    }
  } catch {
    // It was removed in this moment, or the disk is gone.
    return [];
  }
}

export function beginningOf(parts: readonly LogFile[]): Position {
  const [first] = parts;
  return first ? { start: first.start, offset: first.offset } : { start: 0, offset: 0 };
}

/** The time of the first whole entry at or behind `from`. */
async function timeAfter(fd: number, from: number): Promise<string | undefined> {
  const buffer = Buffer.allocUnsafe(ENTRY_ROOM_BYTES);
  const bytes = buffer.subarray(0, await readAt(fd, buffer, from));
  for (let at = 0; at < bytes.length; ) {
    const newline = bytes.indexOf(NEWLINE, at);
    const line = parseEntry(bytes.subarray(at, newline === -1 ? undefined : newline), "");
    if (line) return line.timestamp;
    if (newline === -1) return undefined;
    at = newline + 1;
  }
  return undefined;
}

/** Undefined when it is gone. */
async function withFile<T>(file: LogFile, work: (fd: number, size: number) => Promise<T>): Promise<T | undefined> {
  let handle: Awaited<ReturnType<typeof open>>;
  try {
    handle = await open(file.path, "r");
  } catch {
    return undefined;
  }
  try {
    return await work(handle.fd, sizeOf(file.path));
  } finally {
    await handle.close();
  }
}
