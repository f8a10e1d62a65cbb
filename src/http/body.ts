import type { MiddlewareHandler } from "hono";
import { ProblemError } from "../contract/index.ts";

/**
 * Levels of arrays and objects in a body; .NET's JSON reader draws the line at 64 as well. What walks a value calls
 * itself once a level, and tens of thousands of them end its stack.
 */
const MAX_DEPTH = 64;

/**
 * Reads the body of whatever may change something, and lets only what can be JSON go on: bounded however it is framed,
 * in UTF-8, and not too deep. Hono's own `bodyLimit` does not: it fails on a chunked body under Node's adapter.
 *
 * @throws ProblemError `unsupported_media_type`, `payload_too_large`, `invalid_json` or `validation_failed`.
 */
export function jsonBody(maxBytes: number): MiddlewareHandler {
  return async (c, next) => {
    const { method, headers, url, signal } = c.req.raw;
    if (method !== "POST" && method !== "PATCH") return next();
    const type = headers.get("content-type");
    if (type !== null && !isJson(type)) throw notJson(type);
    if (Number(headers.get("content-length") ?? 0) > maxBytes) throw tooLarge(maxBytes);
    const bytes = await read(c.req.raw.body, maxBytes);
    // Something in an unknown format must not be taken for nothing.
    if (bytes.length > 0 && type === null) throw notJson("without one");
    const text = decode(bytes);
    if (!isShallow(text)) {
      const message = `is nested deeper than ${MAX_DEPTH} levels`;
      throw new ProblemError("validation_failed", `The body ${message}.`, [{ field: "(whole)", message }]);
    }
    const plain = new Headers(headers);
    if (type !== null) plain.set("content-type", "application/json");
    c.req.raw = new Request(url, { method, headers: plain, signal, ...(text !== "" && { body: text }) });
    return next();
  };
}

/** JSON, or a format on top of it, in the one encoding that JSON is exchanged in (RFC 8259, 8.1). */
function isJson(type: string): boolean {
  const [name = "", ...parameters] = type.split(";").map((part) => part.trim());
  const charset = parameters.find((parameter) => /^charset=/i.test(parameter));
  return (
    /^application\/(?:[\w.-]+\+)?json$/i.test(name) && (charset === undefined || /^charset="?utf-?8"?$/i.test(charset))
  );
}

function notJson(type: string): ProblemError {
  return new ProblemError(
    "unsupported_media_type",
    `Send JSON in UTF-8 with content-type: application/json, not ${type}.`,
  );
}

function tooLarge(maxBytes: number): ProblemError {
  return new ProblemError("payload_too_large", `A body may have at most ${maxBytes} bytes.`);
}

/** All of it, or an error as soon as it is too much; the rest is not read then. */
async function read(body: ReadableStream<Uint8Array> | null, maxBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of body ?? []) {
      size += chunk.byteLength;
      if (size > maxBytes) break;
      chunks.push(chunk);
    }
  } catch {
    // Only the connection can fail here: who sent the body went away. Nobody hears this answer, and nobody is to blame.
    throw new ProblemError("invalid_json", "The body ended before it was complete.");
  }
  if (size > maxBytes) throw tooLarge(maxBytes);
  return Buffer.concat(chunks, size);
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new ProblemError("invalid_json", "The body is not UTF-8.");
  }
}

/** Looks at brackets outside of strings, whether or not the rest is JSON. A loop, since a pattern can be made to crawl. */
function isShallow(text: string): boolean {
  let depth = 0;
  let inString = false;
  for (let i = 0; i < text.length; i++) {
    const character = text[i];
    if (character === '"') inString = !inString;
    else if (inString) i += character === "\\" ? 1 : 0;
    else if (character === "[" || character === "{") depth++;
    else if (character === "]" || character === "}") depth--;
    if (depth > MAX_DEPTH) return false;
  }
  return true;
}
