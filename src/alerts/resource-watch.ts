import type { SystemResources } from "../contract/index.ts";
import { endedContent, thresholdContent } from "./content.ts";
import type { Incident, Incidents } from "./incidents.ts";
import { GONE_AFTER_MS, rules } from "./rules.ts";
import { type Sample, samplesOf } from "./samples.ts";
import { type AlertState, countedMs, interrupted, QUIET, reopened, step, untold } from "./step.ts";

/** Applies the rules to each frame of resources. Without a transition that is memory only. */
export class ResourceWatch {
  readonly #incidents: Incidents;
  /** By key; as many as the machine has watched values. */
  readonly #states: Map<string, AlertState>;
  /** How long a key that was there has been missing from frames, in milliseconds. */
  readonly #missing = new Map<string, number>();
  #observedAt: number | null = null;

  constructor(incidents: Incidents) {
    this.#incidents = incidents;
    this.#states = new Map(incidents.of("resource_threshold").map(([key, incident]) => [key, stateOf(incident)]));
  }

  /** @param now monotonic milliseconds. */
  observe(data: SystemResources, now: number): void {
    const elapsed = countedMs(this.#observedAt, now);
    this.#observedAt = now;
    const samples = new Map(samplesOf(data).map((sample) => [sample.key, sample]));
    for (const sample of samples.values()) this.#sampled(sample, now);
    for (const [key, state] of [...this.#states]) {
      if (samples.has(key)) this.#missing.delete(key);
      else this.#unseen(key, state, elapsed);
    }
  }

  #sampled(sample: Sample, now: number): void {
    const { key, metric, value } = sample;
    const before = this.#states.get(key) ?? QUIET;
    const { state, transition } = step(rules[metric], before, value, now);
    if (!transition) {
      this.#states.set(key, state);
      return;
    }
    const content = thresholdContent(sample, transition, this.#incidents.get(key)?.alert);
    const done =
      transition.level === null ? this.#incidents.resolve(key, content) : this.#incidents.report(key, content);
    this.#states.set(key, done ? state : untold(before, state));
  }

  /** A GPU is not in the frame. Its tool may just be starting again, so only after a while is its alert closed. */
  #unseen(key: string, state: AlertState, elapsed: number): void {
    const missing = (this.#missing.get(key) ?? 0) + elapsed;
    this.#missing.set(key, missing);
    this.#states.set(key, interrupted(state));
    if (missing < GONE_AFTER_MS) return;
    const alert = this.#incidents.get(key)?.alert;
    if (alert) {
      const name = `GPU ${alert.resource.id}`;
      const seconds = GONE_AFTER_MS / 1000;
      const message = `${name} has not been reported for ${seconds} seconds; its last value was not back to normal`;
      if (!this.#incidents.resolve(key, endedContent(alert, `${name} Is Not Reported`, message))) return;
    }
    this.#states.delete(key);
    this.#missing.delete(key);
  }
}

function stateOf({ alert }: Incident): AlertState {
  return reopened(alert.severity === "critical" ? "critical" : "warning");
}
