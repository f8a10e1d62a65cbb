import { DEFAULT_COLUMNS, type Paint, painter, plain } from "./text.ts";

/** Bytes that may wait for a reader of standard output that has stopped reading. */
const BACKLOG_LIMIT = 16_777_216;

/** Where a command writes: its result to standard output, everything else to standard error. */
export interface Output {
  /** Whether a person looks at standard output. */
  readonly interactive: boolean;
  /** Width of the terminal now; undefined where output is not for a terminal and nothing needs to be cut. */
  columns(): number | undefined;
  /** Height of the terminal now. */
  rows(): number;
  readonly paint: Paint;
  print(...lines: readonly string[]): void;
  /** One JSON document on lines of its own, or on one line where `compact`. */
  json(value: unknown, compact?: boolean): void;
  /** Writes as it is, e.g. cursor movements. */
  raw(text: string): void;
  /** A line about what is going on, beside the result. */
  note(text: string): void;
  /** Calls `resized` when the terminal changes its size. */
  onResize(resized: () => void): Disposable;
  /** Resolves when all that was written has left the process, or nobody reads it. */
  flush(): Promise<void>;
}

/**
 * The process's own standard output and error.
 *
 * @param closed is called once when standard output cannot take more: its reader is gone, as with `| head`, or has
 *   stopped reading and left more than 16 MiB unread.
 */
export function processOutput(
  environment: Readonly<Record<string, string | undefined>>,
  closed: (reason: "gone" | "stalled") => void,
): Output {
  const { stdout, stderr } = process;
  let ended = false;
  const end = (reason: "gone" | "stalled") => {
    if (ended) return;
    ended = true;
    closed(reason);
  };
  stdout.on("error", () => end("gone"));
  stderr.on("error", () => {});
  const write = (text: string) => {
    if (ended) return;
    stdout.write(text);
    if (stdout.writableLength > BACKLOG_LIMIT) end("stalled");
  };
  return {
    interactive: stdout.isTTY === true,
    columns: () => (stdout.isTTY ? stdout.columns || DEFAULT_COLUMNS : undefined),
    rows: () => stdout.rows || 24,
    paint: painter(stdout, environment),
    print: (...lines) => {
      if (lines.length > 0) write(`${lines.join("\n")}\n`);
    },
    json: (value, compact = false) => write(`${JSON.stringify(value, null, compact ? 0 : 2)}\n`),
    raw: write,
    note: (text) => void stderr.write(`${plain(text)}\n`),
    onResize(resized) {
      stdout.on("resize", resized);
      return { [Symbol.dispose]: () => void stdout.off("resize", resized) };
    },
    flush: () => (ended ? Promise.resolve() : new Promise((resolve) => stdout.write("", () => resolve()))),
  };
}
