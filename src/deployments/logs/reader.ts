import { setImmediate } from "node:timers/promises";
import type { Clock } from "../../clock.ts";
import { isoTime } from "../../clock.ts";
import { endOfLog } from "./files.ts";
import { cursorOf, isAfter, type LogLine, type Position, parseCursor } from "./format.ts";
import { beginningOf, partsOf, placeOf, tailOf } from "./places.ts";
import { LogScanner, type Scanned } from "./scanner.ts";

/** Which lines: the last `tail`, those since a time, those after a cursor; all that are kept when nothing is said. */
export interface LogQuery {
  /** Entries: a line longer than 16 KiB is several. */
  readonly tail?: number | undefined;
  /** ISO 8601 with milliseconds. */
  readonly since?: string | undefined;
  /** The cursor of the last line that is known; goes on over later starts. */
  readonly after?: string | undefined;
  readonly start?: "current" | "previous" | undefined;
}

/** Between two looks at a log that is followed: soon again while lines come, then less often. */
const POLL_MS = { first: 50, longest: 500 } as const;
/** A log that grows faster than it is read is not read whole: beyond this, all but the newest part is left out. */
const LAG_BYTES = 8 * 2 ** 20;
const CATCH_UP_BYTES = 1 * 2 ** 20;

/** Where `query` begins. */
export async function beginOf(directory: string, query: LogQuery): Promise<Position> {
  const after = query.after === undefined ? undefined : parseCursor(query.after);
  if (after) return after;
  const parts = partsOf(directory, query.start ?? "current");
  const places = [beginningOf(parts)];
  if (query.tail !== undefined) places.push(await tailOf(parts, query.tail));
  if (query.since !== undefined) places.push(await placeOf(parts, query.since));
  return places.reduce((latest, place) => (isAfter(place, latest) ? place : latest));
}

/** The lines that are there, in bounded pieces; up to `until` if that is given, else to the end of the start or the log. */
export async function* readLog(
  directory: string,
  query: LogQuery,
  until?: Position,
): AsyncGenerator<readonly LogLine[]> {
  const begin = await beginOf(directory, query);
  const end = until ?? endOfLog(directory);
  const onlyStart = query.after === undefined ? begin.start : undefined;
  await using scanner = new LogScanner(directory, begin);
  for (;;) {
    const scanned = await scanner.read();
    const { lines, skippedBytes } = scanned;
    if (lines.length === 0 || !end) return;
    const wanted = lines.filter(({ cursor, timestamp }) => {
      const at = parseCursor(cursor);
      if (!at || isAfter(at, end)) return false;
      if (onlyStart !== undefined && at.start !== onlyStart) return false;
      return query.since === undefined || timestamp >= query.since;
    });
    const before = skippedBytes > 0 && query.after !== undefined ? [gap(skippedBytes, scanned)] : [];
    if (wanted.length > 0 || before.length > 0) yield [...before, ...wanted];
    const last = parseCursor(lines.at(-1)?.cursor ?? "");
    if (!last || !isAfter(end, last) || (onlyStart !== undefined && last.start !== onlyStart)) return;
    // A long log must not keep everything else waiting.
    await setImmediate();
  }
}

/** Every line after `from` as it comes, until `signal` is aborted; a log that grows too fast is read in part. */
export async function* followLog(
  directory: string,
  from: Position,
  clock: Clock,
  signal: AbortSignal,
): AsyncGenerator<{ readonly lines: readonly LogLine[]; readonly position: Position }> {
  await using scanner = new LogScanner(directory, from);
  let wait: number = POLL_MS.first;
  while (!signal.aborted) {
    const skipped = await catchUp(directory, scanner);
    const scanned = await scanner.read();
    const { lines } = scanned;
    const missing = skipped + scanned.skippedBytes;
    if (lines.length > 0) {
      wait = POLL_MS.first;
      yield { lines: missing > 0 ? [gap(missing, scanned), ...lines] : lines, position: scanner.position };
      await setImmediate();
    } else {
      await pause(clock, wait, signal);
      wait = Math.min(wait * 2, POLL_MS.longest);
    }
  }
}

/** @returns bytes that are left out. */
async function catchUp(directory: string, scanner: LogScanner): Promise<number> {
  const end = endOfLog(directory);
  const { start, offset } = scanner.position;
  if (!end || end.start !== start || end.offset - offset <= LAG_BYTES) return 0;
  await scanner.jump({ start, offset: end.offset - CATCH_UP_BYTES });
  return scanner.position.offset - offset;
}

/** A line of our own in place of what is not there. */
function gap(bytes: number, { from, lines }: Scanned): LogLine {
  return {
    cursor: cursorOf(from),
    timestamp: lines[0]?.timestamp ?? isoTime(0),
    stream: "system",
    text: `${bytes} bytes are left out here: they are no longer kept, or came faster than they are read`,
    partial: false,
  };
}

/** Ends early when `signal` is aborted. */
export function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      timer[Symbol.dispose]();
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = clock.after(ms, done);
    signal.addEventListener("abort", done);
  });
}
