import { z } from "zod";
import { EngineError } from "./container-engine.ts";

/**
 * One request with a limit. dockerode's own promise is not to be relied on: when the Engine dies between the head and the
 * body of an answer it never settles.
 */
export async function within<Answer>(
  ms: number,
  request: (signal: AbortSignal) => Promise<Answer>,
  given?: AbortSignal,
): Promise<Answer> {
  const limit = new AbortController();
  const late = Promise.withResolvers<never>();
  const giveUp = () => {
    limit.abort();
    late.reject(new EngineError("unreachable", given?.aborted ? "given up" : `no answer in ${ms / 1000} s`));
  };
  const timer = setTimeout(giveUp, ms);
  given?.addEventListener("abort", giveUp, { once: true });
  if (given?.aborted) giveUp();
  try {
    return await Promise.race([late.promise, request(limit.signal)]);
  } catch (error) {
    throw toEngineError(error);
  } finally {
    clearTimeout(timer);
    given?.removeEventListener("abort", giveUp);
  }
}

const answerError = z.object({
  statusCode: z.number(),
  json: z.object({ message: z.string() }).optional().catch(undefined),
});

function toEngineError(error: unknown): EngineError {
  if (error instanceof EngineError) return error;
  const text = error instanceof Error ? error.message.trim() : String(error);
  const answer = answerError.safeParse(error).data;
  if (!answer) return new EngineError("unreachable", text);
  const message = answer.json?.message ?? text.replace(/^\(HTTP code \d+\) .*? - /, "");
  if (answer.statusCode === 304) return new EngineError("unchanged", message);
  if (answer.statusCode === 404) return new EngineError("missing", message);
  if (answer.statusCode === 409) return new EngineError("conflict", message);
  return new EngineError("refused", message);
}

export async function unlessMissing<Answer>(answer: Promise<Answer>): Promise<Answer | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof EngineError && error.kind === "missing") return undefined;
    throw error;
  }
}

/** 304: it was already so. */
export async function unlessUnchanged<Answer>(answer: Promise<Answer>): Promise<Answer | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof EngineError && error.kind === "unchanged") return undefined;
    throw error;
  }
}

/** A stream that is cut off is an Engine that is gone. */
export async function* chunksOf(stream: NodeJS.ReadableStream): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of stream) yield typeof chunk === "string" ? Buffer.from(chunk) : chunk;
  } catch (error) {
    throw new EngineError("unreachable", error instanceof Error ? error.message : String(error));
  }
}

/** The Engine's messages are lines of JSON; this many characters without an end are none. */
const LINE_LIMIT = 1024 * 1024;

export async function* linesOf(stream: NodeJS.ReadableStream): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of chunksOf(stream)) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    if (rest.length > LINE_LIMIT) throw new EngineError("refused", "the Engine sent a line without an end");
    for (const line of lines) if (line.trim() !== "") yield line;
  }
}
