import { closeSync, mkdirSync, openSync, readdirSync, readSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { cursorOf, type Position } from "./format.ts";

/** What one start keeps at most: its newest two parts. */
export const START_LIMIT_BYTES = 64 * 2 ** 20;
/** Starts that are kept: the one that runs or ran last, and the one before it. */
const STARTS_KEPT = 2;
/** Parts of one start that are kept. */
export const PARTS_KEPT = 2;

/** A part of a log: the file `START-OFFSET.log`, whose first byte is byte OFFSET of what that start wrote in all. */
export interface LogFile extends Position {
  readonly path: string;
}

/** The parts that there are, oldest first; none when nothing was started yet. */
export function listLog(directory: string): LogFile[] {
  let names: string[];
  try {
    names = readdirSync(directory);
  } catch {
    return [];
  }
  const files: LogFile[] = [];
  for (const name of names) {
    const [, start, offset] = /^([0-9]{1,9})-([0-9]{1,15})\.log$/.exec(name) ?? [];
    if (start !== undefined) files.push({ start: Number(start), offset: Number(offset), path: join(directory, name) });
  }
  return files.sort((a, b) => a.start - b.start || a.offset - b.offset);
}

/** Where the log ends now; undefined when there is none. It changes with every line, so it also tells whether one came. */
export function endOfLog(directory: string): Position | undefined {
  const last = listLog(directory).at(-1);
  return last && { start: last.start, offset: last.offset + sizeOf(last.path) };
}

/** The last bytes of the newest part; empty when there is none. A line and a character at its beginning may be cut. */
export function tailOfLog(directory: string, bytes: number): string {
  const last = listLog(directory).at(-1);
  if (!last) return "";
  const buffer = Buffer.alloc(bytes);
  let fd: number | undefined;
  try {
    fd = openSync(last.path, "r");
    const read = readSync(fd, buffer, 0, bytes, Math.max(0, sizeOf(last.path) - bytes));
    return buffer.toString("utf8", 0, read);
  } catch {
    // It was rotated away just now.
    return "";
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

export function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

/** Makes a new part, readable by this server's user only: engines write prompts into their logs. @throws as `open` does. */
export function createPart(directory: string, position: Position): { file: LogFile; fd: number } {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  return openPart(directory, position);
}

/** Makes the first part of a new start, whatever others begin at the same time. @throws as `open` does. */
export function createStart(directory: string): { file: LogFile; fd: number } {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  for (;;) {
    const start = (listLog(directory).at(-1)?.start ?? 0) + 1;
    try {
      return openPart(directory, { start, offset: 0 });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
  }
}

function openPart(directory: string, position: Position): { file: LogFile; fd: number } {
  const path = join(directory, `${cursorOf(position)}.log`);
  return { file: { ...position, path }, fd: openSync(path, "wx", 0o600) };
}

/** Removes the parts and starts that are one too many; what cannot be removed now is tried again with the next part. */
export function prune(directory: string, current: LogFile): void {
  const files = listLog(directory);
  const starts = [...new Set(files.map(({ start }) => start))].slice(0, -STARTS_KEPT);
  const mine = files.filter(({ start }) => start === current.start).slice(0, -PARTS_KEPT);
  for (const file of files) {
    if (starts.includes(file.start) || mine.includes(file)) rmSync(file.path, { force: true });
  }
}

/** Opens the newest part to go on with it, or begins the first start. @throws as `open` does. */
export function openNewest(directory: string): { file: LogFile; fd: number } {
  const file = listLog(directory).at(-1);
  return file ? { file, fd: openSync(file.path, "r+") } : createStart(directory);
}

export function closeQuietly(fd: number): void {
  try {
    closeSync(fd);
  } catch {
    // The disk is full or gone; there is nothing left to lose.
  }
}
