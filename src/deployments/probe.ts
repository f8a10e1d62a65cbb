import type { Clock } from "../clock.ts";
import type { HealthCheck } from "../contract/index.ts";
import { connectFailure } from "./connect-failure.ts";
import { ask, type Endpoint, readSome, urlOf } from "./endpoint.ts";

/** What one look at an endpoint found. `reason` and `hint` are for people; `reason` names the address. */
export type ProbeResult =
  | { readonly outcome: "healthy" }
  /** It answers that it is still loading its model: progress for a start, no service for a running one. */
  | { readonly outcome: "loading"; readonly reason: string }
  | { readonly outcome: "failed"; readonly reason: string; readonly hint: string };

/** Looks once, within `timeoutMs`. Rejects only when `signal` is aborted. */
export type Probe = (timeoutMs: number, signal: AbortSignal) => Promise<ProbeResult>;

/** Makes the probe of one endpoint; what it learns about it (which path is the right one) it keeps. */
export type ProbeFactory = (endpoint: Endpoint, check: Pick<HealthCheck, "scheme" | "path">, clock: Clock) => Probe;

/** Where engines answer: llama-server, vLLM, SGLang, TGI; then any OpenAI-compatible one; then Ollama. */
const USUAL_PATHS = ["/health", "/v1/models", "/"];
/** llama-server's "Loading model" body has about 90 bytes; more than this of any body is never read. */
const BODY_LIMIT_BYTES = 4096;

const HEALTHY: ProbeResult = { outcome: "healthy" };

/**
 * Probes over HTTP: 200 to 299 is healthy, 503 with llama-server's "Loading model" error is loading, everything else
 * has failed. Redirects are not followed, as they may lead away from the endpoint. Each probe has a connection of its
 * own and closes it, because an engine that no longer accepts connections must not look well through an old one.
 */
export const httpProbe: ProbeFactory = (endpoint, check, clock) => {
  let path = check.path ?? undefined;
  return async (timeoutMs, signal) => {
    const abort = new AbortController();
    const cancel = () => abort.abort();
    signal.throwIfAborted();
    signal.addEventListener("abort", cancel, { once: true });
    let late = false;
    using _timeout = clock.after(timeoutMs, () => {
      late = true;
      abort.abort();
    });
    let url = urlOf(check.scheme, endpoint, path ?? USUAL_PATHS[0] ?? "/");
    try {
      for (const candidate of path === undefined ? USUAL_PATHS : [path]) {
        url = urlOf(check.scheme, endpoint, candidate);
        const response = await ask(url, endpoint.host, abort.signal);
        if (response.status !== 404) {
          path = candidate;
          return await judge(response, url);
        }
      }
      // Nothing was there: a path that was found earlier is looked for again.
      const tried = path ?? USUAL_PATHS.join(", ");
      path = check.path ?? undefined;
      return answered(404, url.replace(/\/$/, ""), tried);
    } catch (error) {
      signal.throwIfAborted();
      if (!late) return { outcome: "failed", ...connectFailure(error, url, endpoint.host) };
      return {
        outcome: "failed",
        reason: `no answer within ${timeoutMs / 1000} s at ${url}`,
        hint: "Check that the engine is not stuck and that no firewall is in the way, or raise health.timeout_seconds.",
      };
    } finally {
      signal.removeEventListener("abort", cancel);
      // Drops the connection of an answer that was not read to its end.
      abort.abort();
    }
  };
};

async function judge(response: Response, url: string): Promise<ProbeResult> {
  if (response.ok) return HEALTHY;
  if (response.status === 503 && saysLoading(await readSome(response, BODY_LIMIT_BYTES))) {
    return { outcome: "loading", reason: `the engine at ${url} is loading its model` };
  }
  return answered(response.status, url);
}

/** llama-server: `{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}`. */
function saysLoading(body: string): boolean {
  return /"message"\s*:\s*"[^"]*loading model/i.test(body);
}

function answered(status: number, url: string, paths?: string): ProbeResult {
  return {
    outcome: "failed",
    reason: paths?.includes(",") ? `answered ${status} on ${paths} at ${url}` : `answered ${status} at ${url}`,
    hint: statusHint(status),
  };
}

function statusHint(status: number): string {
  if (status === 404) return "Set health.path to a path that the engine answers with 200.";
  if (status === 401 || status === 403) return "Set health.path to a path that the engine answers without a key.";
  if (status >= 300 && status < 400) return "Redirects are not followed; set host, port and health.path to the goal.";
  return "See the engine's own log for why it answers so.";
}
