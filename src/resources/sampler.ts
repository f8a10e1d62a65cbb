import type { Logger } from "@logtape/logtape";
import { type Clock, every, isoTime } from "../clock.ts";
import { type SystemResources, streams } from "../contract/index.ts";
import type { Collectors } from "./collector.ts";
import { type CollectorsParts, createCollectors } from "./collectors/collectors.ts";

/** One sample of everything. */
export interface ResourceFrame {
  /** ISO 8601. */
  readonly timestamp: string;
  readonly data: SystemResources;
}

/** The machine's resources, sampled once for everybody who wants to know. */
export interface Resources {
  /** The last sample while it is current, null when there is none. */
  latest(): ResourceFrame | null;
  /** Takes a sample now; who asks meanwhile gets the same. */
  sample(): Promise<ResourceFrame>;
  /** Calls `consumer` with a sample every 2 s until disposed. Nobody watching means no work. */
  watch(consumer: (frame: ResourceFrame) => void): Disposable;
}

const INTERVAL_MS = streams.system_resources.intervalMs;

/** What a part looks like that could not be read. */
const UNKNOWN: SystemResources = {
  cpu: { usage_percent: null, cores: 1, frequency: null, status: null },
  memory: { usage_percent: null, total_gb: null, available_gb: null, status: null },
  disk: { usage_percent: null, total_gb: null, free_gb: null, status: null },
  gpu: { available: false, device_count: 0, devices: [] },
  network: { bytes_sent: null, bytes_recv: null, packets_sent: null, packets_recv: null },
};

/** Makes the sampler with the collectors for this system. */
export function createSampler(parts: CollectorsParts & { log: Logger }): Sampler {
  return new Sampler({ collectors: createCollectors(parts), clock: parts.clock, log: parts.log });
}

/** Owns the 2 s clock: starts with the first consumer, stops with the last. */
export class Sampler implements Resources, Disposable {
  readonly #collectors: Collectors;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #consumers = new Set<(frame: ResourceFrame) => void>();
  /** Parts that could not be read the last time, so that a lasting fault is logged once. */
  readonly #failing = new Set<keyof SystemResources>();
  #timer: Disposable | undefined;
  #latest: { readonly frame: ResourceFrame; readonly at: number } | undefined;
  #sampling: Promise<ResourceFrame> | undefined;

  constructor(parts: { collectors: Collectors; clock: Clock; log: Logger }) {
    this.#collectors = parts.collectors;
    this.#clock = parts.clock;
    this.#log = parts.log;
  }

  latest(): ResourceFrame | null {
    // Older than this it is not what the next tick would have replaced, but a leftover of an earlier watch.
    const current = this.#latest && this.#clock.monotonic() - this.#latest.at <= INTERVAL_MS * 1.5;
    return current ? (this.#latest?.frame ?? null) : null;
  }

  sample(): Promise<ResourceFrame> {
    this.#sampling ??= this.#read().finally(() => {
      this.#sampling = undefined;
      // Asked for once and watched by nobody: nothing may go on running.
      if (this.#consumers.size === 0) this.#collectors.gpu[Symbol.dispose]();
    });
    return this.#sampling;
  }

  watch(consumer: (frame: ResourceFrame) => void): Disposable {
    // A function of its own for each watch, so that one consumer may watch twice.
    const entry = (frame: ResourceFrame) => consumer(frame);
    this.#consumers.add(entry);
    this.#timer ??= every(
      this.#clock,
      INTERVAL_MS,
      () => this.#tick(),
      (error) => this.#log.error("Sampling failed: {error}", { error }),
    );
    return {
      [Symbol.dispose]: () => {
        this.#consumers.delete(entry);
        if (this.#consumers.size === 0) this.#rest();
      },
    };
  }

  [Symbol.dispose](): void {
    this.#consumers.clear();
    this.#rest();
    for (const collector of Object.values(this.#collectors)) collector[Symbol.dispose]();
  }

  #rest(): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    // The one collector that runs by itself between readings.
    this.#collectors.gpu[Symbol.dispose]();
  }

  async #tick(): Promise<void> {
    const frame = await this.sample();
    for (const consumer of this.#consumers) {
      try {
        consumer(frame);
      } catch (error) {
        this.#log.error("A consumer of samples failed: {error}", { error });
      }
    }
  }

  async #read(): Promise<ResourceFrame> {
    const [cpu, memory, disk, gpu, network] = await Promise.all([
      this.#part("cpu"),
      this.#part("memory"),
      this.#part("disk"),
      this.#part("gpu"),
      this.#part("network"),
    ]);
    const frame = { timestamp: isoTime(this.#clock.now()), data: { cpu, memory, disk, gpu, network } };
    this.#latest = { frame, at: this.#clock.monotonic() };
    return frame;
  }

  /** One part, unknown when its collector fails; the others go on. */
  async #part<Part extends keyof SystemResources>(part: Part): Promise<SystemResources[Part]> {
    try {
      const reading = await this.#collectors[part].read();
      if (this.#failing.delete(part)) this.#log.info("Reading {part} works again", { part });
      return reading;
    } catch (error) {
      if (!this.#failing.has(part)) this.#log.warning("Cannot read {part}: {error}", { part, error });
      this.#failing.add(part);
      return UNKNOWN[part];
    }
  }
}
