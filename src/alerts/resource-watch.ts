import type { ResourceFrame } from "../resources/sampler.ts";
import { DiskForecast } from "./disk-forecast.ts";
import type { Monitor } from "./monitor.ts";
import type { RuleName } from "./rules.ts";
import { FRAME_RULES, observationsOf, PARTS } from "./samples.ts";

/** Applies the rules to each frame of resources. Without a transition that is memory only. */
export class ResourceWatch {
  readonly #monitor: Monitor;
  readonly #forecast = new DiskForecast();

  constructor(monitor: Monitor) {
    this.#monitor = monitor;
  }

  /** @param now monotonic milliseconds. */
  observe({ data, failing = {} }: ResourceFrame, now: number): void {
    const seen = new Set<string>();
    for (const observation of observationsOf(data, failing, this.#forecast, now)) {
      seen.add(observation.key);
      this.#monitor.observe(observation);
    }
    for (const rule of FRAME_RULES) {
      // A forecast takes its time after a start; until then there is nothing to say for or against it.
      if (rule === "disk_full") continue;
      const part = partOf(rule);
      // What cannot be read may still be there.
      const value = part !== undefined && failing[part] !== undefined ? null : undefined;
      for (const key of this.#monitor.keysOf(rule)) {
        if (!seen.has(key)) this.#monitor.observe({ key, rule, value });
      }
    }
  }
}

function partOf(rule: RuleName): (typeof PARTS)[keyof typeof PARTS] | undefined {
  return rule in PARTS ? PARTS[rule as keyof typeof PARTS] : undefined;
}
