import type { Addresses } from "./addresses.ts";
import { DeliveryError, type Receipt } from "./notifier.ts";

/** How a request leaves this process; see `post` in src/host. */
export type Post = (request: {
  readonly url: URL;
  readonly address: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}) => Promise<{ readonly status: number; readonly retryAfter: string | undefined; readonly body: string }>;

/** How notifiers send JSON over HTTP. */
export interface Http {
  readonly addresses: Addresses;
  readonly post: Post;
}

/** A receiver has this long to answer, connecting included. */
const TIMEOUT_MS = 10_000;
/** Addresses of one name that are tried, where connecting to one fails. */
const MAX_ADDRESSES = 3;
/** Characters of an answer that are kept. */
const MAX_DETAIL = 500;

/** The connection was not made, so nothing was sent. */
const NOT_CONNECTED = new Set(["ECONNREFUSED", "ENETUNREACH", "EHOSTUNREACH", "EADDRNOTAVAIL", "ConnectionRefused"]);
/** What is wrong is in the message: the same message will be refused again. 410 says that the receiver is gone. */
const FINAL_STATUSES = new Set([400, 405, 406, 410, 411, 413, 414, 415, 422]);

/**
 * Posts `body` and makes of the answer what it means for the message.
 *
 * @throws DeliveryError for any answer but 2xx, redirects included, and when there is none. Its text names the host and
 *   never the rest of the URL, which is a secret with most receivers.
 */
export async function postJson(
  { addresses, post }: Http,
  target: string,
  body: string,
  options: { headers?: Readonly<Record<string, string>>; signal: AbortSignal; now: number },
): Promise<Receipt> {
  const url = new URL(target);
  const headers = { "user-agent": "llm-manager", ...options.headers, "content-type": "application/json" };
  let failure: DeliveryError | undefined;
  for (const address of (await addresses.of(url.hostname)).slice(0, MAX_ADDRESSES)) {
    try {
      const answer = await post({ url, address, headers, body, timeoutMs: TIMEOUT_MS, signal: options.signal });
      return judged(answer, options.now);
    } catch (error) {
      if (error instanceof DeliveryError) throw error;
      const code = error instanceof Error && "code" in error ? String(error.code) : "";
      failure = new DeliveryError(`${url.host} ${reasonOf(error, code)}`);
      if (!NOT_CONNECTED.has(code)) break;
    }
  }
  throw failure ?? new DeliveryError(`${url.host} has no address`);
}

function judged({ status, retryAfter, body }: Awaited<ReturnType<Post>>, now: number): Receipt {
  const detail = body.trim().slice(0, MAX_DETAIL);
  if (status >= 200 && status < 300) return { status, detail };
  const note = status >= 300 && status < 400 ? " (redirects are not followed)" : "";
  throw new DeliveryError(`The receiver answered ${status}${note}${detail === "" ? "" : `: ${detail}`}`, {
    status,
    final: FINAL_STATUSES.has(status),
    retryAfterMs: retryAfterMs(retryAfter, body, now),
  });
}

/** Seconds or a date in the header; Discord and Telegram say it in the body as well, as seconds. */
function retryAfterMs(header: string | undefined, body: string, now: number): number | undefined {
  if (header !== undefined && /^[0-9]+(?:\.[0-9]+)?$/.test(header)) return Number(header) * 1_000;
  const date = header === undefined ? Number.NaN : Date.parse(header);
  if (!Number.isNaN(date)) return Math.max(0, date - now);
  const inBody = /"retry_after"\s*:\s*([0-9]+(?:\.[0-9]+)?)/.exec(body)?.[1];
  return inBody === undefined ? undefined : Number(inBody) * 1_000;
}

function reasonOf(error: unknown, code: string): string {
  const name = error instanceof Error ? error.name : "";
  // Node says that it was aborted, and why one level down.
  if (error instanceof Error && error.cause instanceof Error && error.cause.name === "TimeoutError") {
    return reasonOf(error.cause, "");
  }
  if (name === "TimeoutError" || code === "ETIMEDOUT") return `did not answer within ${TIMEOUT_MS / 1_000} s`;
  if (name === "AbortError" || code === "ABORT_ERR") return "was not waited for: the server stops, or it took too long";
  if (NOT_CONNECTED.has(code)) return `cannot be connected to (${code})`;
  return `failed (${code === "" ? name || "unknown error" : code})`;
}
