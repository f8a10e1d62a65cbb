/** Where a line comes from: the engine's two outputs, or this server, which marks what is not there and why. */
export type LogStream = "stdout" | "stderr" | "system";

/** One line of a log, or one part of a line that is longer than `PART_BYTES`. */
export interface LogLine {
  /** Where the log goes on after it: what `after` takes. */
  readonly cursor: string;
  /** ISO 8601 in UTC with milliseconds: when it was read from the engine. */
  readonly timestamp: string;
  readonly stream: LogStream;
  /** Without its line ending. What was no UTF-8 is U+FFFD. */
  readonly text: string;
  /** The line goes on in the next entry of the same stream. */
  readonly partial: boolean;
}

/** A longer line goes on in the next entry, so that no line's length can end or delay anything; Docker cuts here, too. */
export const PART_BYTES = 16 * 1024;

/** `2026-11-25T12:00:00.123Z stdout F `, without the text behind it. */
const TIME_LENGTH = 24;

/** What stands before the text of an entry. */
export function prefixOf(time: string, stream: LogStream, full: boolean): string {
  return `${time} ${stream} ${full ? "F" : "P"} `;
}

/**
 * Reads one entry without its newline, in the format that Kubernetes writes container logs in:
 * https://github.com/kubernetes/design-proposals-archive/blob/main/node/kubelet-cri-logging.md
 *
 * @returns undefined for what is not one, such as what a power cut left.
 */
export function parseEntry(bytes: Buffer, cursor: string): LogLine | undefined {
  const head = bytes.toString("latin1", 0, TIME_LENGTH + " stdout F ".length);
  const [, timestamp, stream, tag] = /^(\S{24}) (stdout|stderr|system) ([FP]) /.exec(head) ?? [];
  if (timestamp === undefined || stream === undefined) return undefined;
  const text = bytes.toString("utf8", TIME_LENGTH + stream.length + 4);
  // The expression allows these names only.
  return { cursor, timestamp, stream: stream as LogStream, text, partial: tag === "P" };
}

/** A place in a deployment's log: in which start, and behind how many of its bytes. Positions only grow. */
export interface Position {
  readonly start: number;
  readonly offset: number;
}

export function cursorOf({ start, offset }: Position): string {
  return `${start}-${offset}`;
}

/** @returns undefined when it is no cursor. */
export function parseCursor(cursor: string): Position | undefined {
  const [, start, offset] = /^([0-9]{1,9})-([0-9]{1,15})$/.exec(cursor) ?? [];
  return start === undefined ? undefined : { start: Number(start), offset: Number(offset) };
}

export function isAfter(a: Position, b: Position): boolean {
  return a.start > b.start || (a.start === b.start && a.offset > b.offset);
}
