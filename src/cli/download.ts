import { createWriteStream } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { CommandError } from "./failure.ts";
import type { Output } from "./output.ts";

/** Prints what comes as it comes, no faster than it is read. */
export async function printStream(stream: ReadableStream<Uint8Array>, output: Output): Promise<void> {
  const decoder = new TextDecoder();
  try {
    for await (const chunk of stream) {
      output.raw(decoder.decode(chunk, { stream: true }));
      await output.flush();
    }
  } catch (error) {
    throw broken(error);
  }
}

/**
 * Writes all of `stream` to `file`, under another name until it is complete, so that there is never half a file under
 * this one. @returns how many bytes it has.
 */
export async function saveStream(stream: ReadableStream<Uint8Array>, file: string): Promise<number> {
  const partial = `${file}.${process.pid}.partial`;
  const target = createWriteStream(partial, { mode: 0o600, flush: true });
  try {
    await pipeline(Readable.from(stream), target);
    await rename(partial, file);
    return target.bytesWritten;
  } catch (error) {
    await rm(partial, { force: true });
    throw broken(error);
  }
}

function broken(error: unknown): CommandError {
  const why = error instanceof Error ? error.message : String(error);
  return new CommandError(`the download broke off: ${why}`, { cause: error });
}
