import { inspect, stripVTControlCharacters } from "node:util";
import {
  configureSync,
  drain,
  getJsonLinesFormatter,
  getLogger,
  type Logger,
  type LogRecord,
  type Sink,
  type TextFormatter,
} from "@logtape/logtape";
import { getPrettyFormatter } from "@logtape/pretty";
import { redactByField } from "@logtape/redaction";
import type { Config } from "./config.ts";

/** Where log lines go: the part of a writable stream that logging uses. */
export interface LogStream {
  readonly isTTY?: boolean | undefined;
  /** Bytes that were written but not taken yet. */
  readonly writableLength?: number | undefined;
  write(text: string, done?: (error?: Error | null) => void): boolean;
  on(event: "error", listener: (error: Error) => void): unknown;
}

export interface LoggingOptions {
  readonly level: Config["logLevel"];
  readonly format: Config["logFormat"];
  /** Standard error unless told otherwise: standard output belongs to a command's result. */
  readonly stream?: LogStream;
  /** The environment, for `NO_COLOR`. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

/** Bytes that may wait for a reader that has stopped reading; lines beyond are dropped and counted. */
const BACKLOG_LIMIT = 1_048_576;

/** Milliseconds that the last lines get to reach their reader before the process ends without them. */
const FLUSH_LIMIT_MS = 1_000;

/**
 * Names of fields whose values never reach a log. Narrower than the library's default, which would also hide a peer's
 * address, a public key's name and a count of tokens.
 */
const SECRET_FIELDS = [
  /pass(?:code|phrase|word)/i,
  /secret/i,
  /credential/i,
  /authorization/i,
  /cookie/i,
  /token$/i,
  /api.?key$/i,
  /private.?key$/i,
];

/**
 * Sets up logging for the whole process and returns the logger everything else derives from.
 *
 * A line is text for people when `format` says so, or `auto` finds a terminal; otherwise it is a JSON object with
 * `@timestamp`, `level`, `logger`, `message` and `properties`. Fields whose names say that they hold secrets are
 * blanked. A stream that is closed, full or slow never disturbs the program: the line is lost instead.
 */
export function configureLogging(options: LoggingOptions): Logger {
  const stream = options.stream ?? process.stderr;
  const environment = options.environment ?? process.env;
  const pretty = looksPretty(options.format, stream);
  const colors = pretty && stream.isTTY === true && !environment.NO_COLOR && environment.TERM !== "dumb";
  const format = pretty ? prettyFormatter(colors) : getJsonLinesFormatter();
  configureSync({
    reset: true,
    sinks: {
      // Redaction wraps the sink and does not pass `drain` on.
      stream: Object.assign(
        redactByField(streamSink(stream, format), { fieldPatterns: SECRET_FIELDS, action: () => "[hidden]" }),
        { drain: () => written(stream) },
      ),
    },
    loggers: [
      { category: "llm-manager", sinks: ["stream"], lowestLevel: options.level },
      // The library's own complaints, e.g. a message that cannot be formatted.
      { category: ["logtape", "meta"], sinks: ["stream"], lowestLevel: "warning" },
    ],
  });
  return getLogger("llm-manager");
}

/** Whether log lines are meant for a person. */
export function looksPretty(format: Config["logFormat"], stream: Pick<LogStream, "isTTY">): boolean {
  return format === "pretty" || (format === "auto" && stream.isTTY === true);
}

/** Waits until what was logged has left the process, for a second at most. To be called before the process ends. */
export async function flushLogs(): Promise<void> {
  await drain();
}

function prettyFormatter(colors: boolean): TextFormatter {
  const format = getPrettyFormatter({
    timestamp: "time",
    icons: false,
    properties: true,
    categoryWidth: 14,
    colors,
    inspectOptions: { depth: 4 },
  });
  // What a client sent may be in a message; it must not steer the terminal of the person who reads the log.
  return (record) =>
    format({
      ...record,
      // Every line is this program's; which part of it is what tells lines apart.
      category: record.category.length > 1 ? record.category.slice(1) : record.category,
      message: record.message.map((part) => stripVTControlCharacters(`${part}`)),
      properties: beyondMessage(record),
    });
}

/** The properties that the message does not show already; an error's stack is never in it. */
function beyondMessage({ properties, rawMessage }: LogRecord): LogRecord["properties"] {
  const shown = (name: string) => String(rawMessage).includes(`{${name}}`);
  return Object.fromEntries(
    Object.entries(properties).filter(([name, value]) => value instanceof Error || !shown(name)),
  );
}

/** The message as one text: strings without quotes, an error as its message (its stack is among the properties). */
function rendered(message: LogRecord["message"]): string {
  const parts = message.map((part) => {
    if (typeof part === "string") return part;
    return part instanceof Error ? part.message : inspect(part, { depth: 2, breakLength: Number.POSITIVE_INFINITY });
  });
  return parts.join("");
}

function streamSink(stream: LogStream, format: TextFormatter): Sink {
  let dropped = 0;
  // Without a listener a closed pipe (EPIPE) or a full disk (ENOSPC) would end the process.
  stream.on("error", () => {});
  return (record) => {
    if ((stream.writableLength ?? 0) > BACKLOG_LIMIT) {
      dropped++;
      return;
    }
    if (dropped > 0) {
      const message = `${dropped} log lines were dropped because nothing read them`;
      dropped = 0;
      stream.write(format({ ...record, level: "warning", message: [message], rawMessage: message, properties: {} }));
    }
    stream.write(format({ ...record, message: [rendered(record.message)] }));
  };
}

/** Resolves when `stream` has taken everything written so far, or after `FLUSH_LIMIT_MS`. */
function written(stream: LogStream): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, FLUSH_LIMIT_MS);
    stream.write("", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
