import type { Endpoint } from "../deployments/endpoint.ts";
import type { ProbeFactory } from "../deployments/probe.ts";

/** Endpoints whose times are kept until somebody takes them; where nobody does, the oldest make way. */
const MAX_ENDPOINTS = 1_000;

/** How long the newest good probe of each endpoint took, in milliseconds, until it is taken. */
export class ProbeTimes {
  #times = new Map<string, number>();

  /** `probes`, with the time of every probe that passes noted. */
  timing(probes: ProbeFactory): ProbeFactory {
    return (endpoint, check, clock) => {
      const probe = probes(endpoint, check, clock);
      return async (timeoutMs, signal) => {
        const start = clock.monotonic();
        const result = await probe(timeoutMs, signal);
        if (result.outcome === "healthy") this.#note(keyOf(endpoint), clock.monotonic() - start);
        return result;
      };
    };
  }

  /** What was noted since the last call: gives null for an endpoint that no probe of found well. */
  take(): (endpoint: { readonly host: string; readonly port: number | null }) => number | null {
    const times = this.#times;
    this.#times = new Map();
    return (endpoint) => times.get(keyOf(endpoint)) ?? null;
  }

  #note(key: string, ms: number): void {
    this.#times.delete(key);
    this.#times.set(key, ms);
    const [oldest] = this.#times.keys();
    if (this.#times.size > MAX_ENDPOINTS && oldest !== undefined) this.#times.delete(oldest);
  }
}

function keyOf({ host, port }: Endpoint | { readonly host: string; readonly port: number | null }): string {
  return `${host} ${port}`;
}
