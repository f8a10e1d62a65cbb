import type { LogBatch } from "./feed.ts";
import type { LogLine } from "./format.ts";

/** How an answer is written, by its media type. `heartbeat` is what a reader passes over. */
export const logFormats = {
  "text/plain": {
    type: "text/plain; charset=utf-8",
    line: ({ text, partial }: LogLine) => (partial ? text : `${text}\n`),
    heartbeat: "",
  },
  "application/x-ndjson": {
    type: "application/x-ndjson",
    line: (line: LogLine) => `${JSON.stringify(wireLine(line))}\n`,
    heartbeat: "\n",
  },
  "text/event-stream": {
    type: "text/event-stream",
    line: (line: LogLine) => `id: ${line.cursor}\ndata: ${JSON.stringify(wireLine(line))}\n\n`,
    heartbeat: ":\n\n",
  },
} as const;

export type LogFormat = keyof typeof logFormats;

/** As the contract has it. */
export function wireLine({ partial, ...line }: LogLine) {
  return partial ? { ...line, partial: true as const } : line;
}

/** `batches` as an answer that is read at the client's pace. `left` is told when it goes away. */
export function logResponse(batches: AsyncGenerator<LogBatch>, format: LogFormat, left?: () => void): Response {
  const { type, line, heartbeat } = logFormats[format];
  const encoder = new TextEncoder();
  const textOf = ({ lines, dropped }: LogBatch) => {
    const [first] = lines;
    if (!first) return heartbeat;
    const text = lines.map(line).join("");
    if (dropped === 0) return text;
    const said = `${dropped} lines are left out here: they came faster than they were read`;
    return line({ ...first, stream: "system", text: said, partial: false }) + text;
  };
  const stream = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        for (;;) {
          const { value, done } = await batches.next();
          if (done) return controller.close();
          const text = textOf(value);
          if (text !== "") return controller.enqueue(encoder.encode(text));
        }
      },
      cancel() {
        left?.();
        // Not waited for: it ends once what it waits for has seen that nobody is there any more.
        void batches.return(undefined).catch(() => {});
      },
    },
    { highWaterMark: 1 },
  );
  return new Response(stream, {
    headers: { "content-type": type, "cache-control": "no-store", "x-accel-buffering": "no" },
  });
}
