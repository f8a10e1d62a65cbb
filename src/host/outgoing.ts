import http, { type IncomingMessage } from "node:http";
import https from "node:https";

/** One request to somebody else's server, at an address that was chosen beforehand. */
export interface OutgoingRequest {
  readonly url: URL;
  /** Where to connect, whatever the URL's name resolves to now. The name still is what the certificate must hold. */
  readonly address: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Milliseconds for all of it. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

export interface OutgoingAnswer {
  readonly status: number;
  /** The `Retry-After` header as it was sent. */
  readonly retryAfter: string | undefined;
  /** The beginning of the body. */
  readonly body: string;
}

/** Bytes of an answer that are read; what comes after them is of no use and is not waited for. */
const MAX_ANSWER_BYTES = 4_096;

/**
 * Posts to `address`. Redirects are answers like any other: nothing is followed.
 *
 * Not `fetch`: it resolves the name itself, so that what was checked need not be what is called.
 */
export function post(request: OutgoingRequest): Promise<OutgoingAnswer> {
  const { url, address, body } = request;
  const secure = url.protocol === "https:";
  const name = url.hostname.replace(/^\[|\]$/g, "");
  const payload = Buffer.from(body);
  return new Promise((resolve, reject) => {
    const outgoing = (secure ? https : http).request({
      method: "POST",
      host: address,
      port: url.port === "" ? (secure ? 443 : 80) : Number(url.port),
      path: `${url.pathname}${url.search}`,
      headers: { ...request.headers, host: url.host, "content-length": String(payload.byteLength) },
      // A name for the certificate; an address has none to send.
      ...(secure && name !== address && { servername: name }),
      // A connection of its own: one that is kept may have been made for another name.
      agent: false,
      signal: AbortSignal.any([request.signal, AbortSignal.timeout(request.timeoutMs)]),
    });
    outgoing.once("error", reject);
    outgoing.once("response", (answer) => {
      beginning(answer).then(
        (text) => resolve({ status: answer.statusCode ?? 0, retryAfter: answer.headers["retry-after"], body: text }),
        reject,
      );
    });
    outgoing.end(payload);
  });
}

async function beginning(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer) {
    const bytes = Buffer.from(chunk);
    chunks.push(bytes);
    size += bytes.byteLength;
    if (size >= MAX_ANSWER_BYTES) break;
  }
  return Buffer.concat(chunks).subarray(0, MAX_ANSWER_BYTES).toString("utf8");
}
