import type { Command } from "@commander-js/extra-typings";
import { ApiError } from "../client/errors.ts";
import type { LogLine } from "../contract/logs.ts";
import { type Context, clientCommand, openSession, type Session } from "./context.ts";
import { CommandError, UsageError } from "./failure.ts";
import { given, number } from "./options.ts";
import { plain } from "./text.ts";

/** Lines to begin with when a log is followed. */
const FOLLOW_TAIL = 100;
/** Until a connection that broke is tried again. */
const RETRY_MS = 1_000;

type LogsQuery = NonNullable<Parameters<Session["api"]["deployments"]["logs"]>[1]>;

/** `logs [-f] <deployment-id>`. */
export function addLogsCommand(program: Command, context: Context): void {
  clientCommand(program, "logs", "print what a deployment's engine wrote")
    .argument("<deployment-id>")
    .option("-f, --follow", "go on with new lines as they come, over restarts")
    .option("--tail <count>", `only the last lines (all; ${FOLLOW_TAIL} with --follow)`, number)
    .option("--since <time>", "only from this ISO 8601 time on")
    .option("--previous", "of the start before the current one")
    .option("--timestamps", "with the time of each line")
    .action(async (id, { follow, tail, since, previous, timestamps, ...options }) => {
      if (follow && previous) throw new UsageError("--previous is of a start that is over; it cannot be followed");
      const session = openSession(options, context);
      const print = printer(session, timestamps === true);
      const lines = follow && tail === undefined && since === undefined ? FOLLOW_TAIL : tail;
      const query: LogsQuery = { ...given({ tail: lines, since }), ...(previous && { start: "previous" }) };
      if (follow) await followLog(session, id, query, print);
      else await readInto(await session.api.deployments.logs(id, query), print, session);
    });
}

/** Goes on behind the last line after whatever happened to the connection or the server. */
async function followLog(session: Session, id: string, first: LogsQuery, print: (line: LogLine) => void) {
  let query = first;
  let reached = false;
  for (;;) {
    try {
      const stream = await session.api.deployments.logs(id, { ...query, follow: "true" });
      reached = true;
      await readInto(stream, print, session, (line) => {
        query = { after: line.cursor };
      });
    } catch (error) {
      // What the server says, such as that it is gone, is final; that it cannot be reached is only so at first.
      if (!reached || error instanceof ApiError) throw error;
    }
    if (!session.json) session.output.note("The connection was lost; trying again.");
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

async function readInto(
  stream: ReadableStream<Uint8Array>,
  print: (line: LogLine) => void,
  session: Session,
  seen: (line: LogLine) => void = () => {},
): Promise<void> {
  const decoder = new TextDecoder();
  let rest = "";
  try {
    for await (const chunk of stream) {
      const texts = (rest + decoder.decode(chunk, { stream: true })).split("\n");
      rest = texts.pop() ?? "";
      for (const text of texts) {
        if (text === "") continue;
        // The server checked its shape against the contract.
        const line = JSON.parse(text) as LogLine;
        print(line);
        seen(line);
      }
      await session.output.flush();
    }
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new CommandError(`the log broke off: ${why}`, { cause: error });
  }
}

/** As it is for a program; for a person without what steers a terminal, and parts of a line put together again. */
function printer({ json, output }: Session, timestamps: boolean): (line: LogLine) => void {
  if (json) return (line) => output.json(line, true);
  const inside = { stdout: false, stderr: false, system: false };
  const formats = { stdout: undefined, stderr: "yellow", system: "cyan" } as const;
  return ({ stream, text, timestamp, partial }) => {
    const format = formats[stream];
    const words = stream === "system" ? `[${text}]` : text;
    const shown = words.split("\t").map(plain).join("\t");
    const time = timestamps && !inside[stream] ? `${output.paint("dim", timestamp)} ` : "";
    inside[stream] = partial === true;
    output.raw(`${time}${format ? output.paint(format, shown) : shown}${partial ? "" : "\n"}`);
  };
}
