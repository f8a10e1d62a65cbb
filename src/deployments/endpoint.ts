import type { Clock } from "../clock.ts";
import { isRefused } from "./connect-failure.ts";

export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

export function urlOf(scheme: string, { host, port }: Endpoint, path: string): string {
  return `${scheme}://${host.includes(":") ? `[${host}]` : host}:${port}${path}`;
}

/**
 * One request on a connection of its own, which an engine that no longer accepts any cannot answer. Redirects are not
 * followed. `localhost` means both loopback addresses; not every resolver says so, and engines listen on either.
 */
export async function ask(url: string, host: string, signal: AbortSignal, json?: unknown): Promise<Response> {
  const headers = { connection: "close", accept: "application/json, */*", "user-agent": "llm-manager" };
  const request: RequestInit = { redirect: "manual", signal, keepalive: false, headers };
  if (json !== undefined) {
    request.method = "POST";
    request.body = JSON.stringify(json);
    request.headers = { ...headers, "content-type": "application/json" };
  }
  try {
    return await fetch(url, request);
  } catch (error) {
    if (host !== "localhost" || !isRefused(error)) throw error;
    try {
      return await fetch(url.replace("//localhost:", "//[::1]:"), request);
    } catch (second) {
      // The address where something listens tells more.
      throw isRefused(second) ? error : second;
    }
  }
}

/** The first bytes of a body, whatever its length. */
export async function readSome(response: Response, limitBytes: number): Promise<string> {
  if (!response.body) return "";
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for await (const chunk of response.body) {
    text += decoder.decode(chunk, { stream: true });
    bytes += chunk.byteLength;
    if (bytes >= limitBytes) break;
  }
  return text;
}

/** Nothing came within the time. */
export class LateError extends Error {
  override readonly name = "LateError";
}

/**
 * Does `work`, whose signal is aborted after `timeoutMs` or with `signal`, and in any case once it is over: that drops the
 * connection of an answer that was not read to its end.
 *
 * @throws LateError after `timeoutMs`; the reason of `signal` when that is aborted; what `work` throws.
 */
export async function within<T>(
  clock: Clock,
  timeoutMs: number,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  const abort = new AbortController();
  const cancel = () => abort.abort();
  signal.addEventListener("abort", cancel, { once: true });
  let late = false;
  using _timeout = clock.after(timeoutMs, () => {
    late = true;
    abort.abort();
  });
  try {
    return await work(abort.signal);
  } catch (error) {
    signal.throwIfAborted();
    throw late ? new LateError(`no answer within ${timeoutMs / 1000} s`) : error;
  } finally {
    signal.removeEventListener("abort", cancel);
    abort.abort();
  }
}
