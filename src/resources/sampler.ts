import { availableParallelism } from "node:os";
import type { Logger } from "@logtape/logtape";
import { type Clock, every, isoTime } from "../clock.ts";
import { type SystemResources, streams } from "../contract/index.ts";
import type { Collectors } from "./collector.ts";
import { type CollectorsParts, createCollectors } from "./collectors/collectors.ts";
import { SteadyReader } from "./steady-reader.ts";

/** One sample of everything. */
export interface ResourceFrame {
  /** ISO 8601. */
  readonly timestamp: string;
  readonly data: SystemResources;
  /** The parts that could not be read, and why: what `data` says of them is that nothing is known. */
  readonly failing?: Failures;
}

/** By part, why it could not be read. */
export type Failures = Readonly<Partial<Record<keyof SystemResources, string>>>;

/** The machine's resources, sampled once for everybody who wants to know. */
export interface Resources {
  /** The last sample while it is current, null when there is none. */
  latest(): ResourceFrame | null;
  /** Takes a sample now; who asks meanwhile gets the same. */
  sample(): Promise<ResourceFrame>;
  /** Calls `consumer` with a sample every 2 s until disposed. Nobody watching means no work. */
  watch(consumer: (frame: ResourceFrame) => void): Disposable;
  /** Whether somebody watches. */
  readonly active: boolean;
}

const INTERVAL_MS = streams.system_resources.intervalMs;

/** One tick may be late or left out; what is older is a leftover of an earlier watch. */
const CURRENT_MS = 2 * INTERVAL_MS;

/** Shorter than the interval, so that a part that hangs delays a frame but never costs one. */
const DEADLINE_MS = 1_500;

/** Who asks now and then without watching (a script, say) does not start nvidia-smi anew each time. */
const RELEASE_MS = 10_000;

/** What the parts look like that could not be read. */
function unknownResources(): SystemResources {
  return {
    cpu: { usage_percent: null, cores: availableParallelism(), frequency: null, status: null },
    memory: { usage_percent: null, total_gb: null, available_gb: null, status: null },
    disk: { usage_percent: null, total_gb: null, free_gb: null, status: null },
    gpu: { available: false, device_count: 0, devices: [] },
    network: { bytes_sent: null, bytes_recv: null, packets_sent: null, packets_recv: null },
  };
}

/** Makes the sampler with the collectors for this system. */
export function createSampler(parts: CollectorsParts): Sampler {
  return new Sampler({ collectors: createCollectors(parts), clock: parts.clock, log: parts.log });
}

/** Owns the 2 s clock: starts with the first consumer, stops with the last. */
export class Sampler implements Resources, Disposable {
  readonly #readers: { readonly [Part in keyof SystemResources]: SteadyReader<SystemResources[Part]> };
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #consumers = new Set<(frame: ResourceFrame) => void>();
  #timer: Disposable | undefined;
  #release: Disposable | undefined;
  #latest: { readonly frame: ResourceFrame; readonly at: number } | undefined;
  #sampling: Promise<ResourceFrame> | undefined;
  #disposed = false;

  constructor(parts: { collectors: Collectors; clock: Clock; log: Logger }) {
    const { collectors, clock, log } = parts;
    const unknown = unknownResources();
    const common = { deadlineMs: DEADLINE_MS, clock, log };
    this.#readers = {
      cpu: new SteadyReader({ ...common, collector: collectors.cpu, unknown: unknown.cpu }),
      memory: new SteadyReader({ ...common, collector: collectors.memory, unknown: unknown.memory }),
      disk: new SteadyReader({ ...common, collector: collectors.disk, unknown: unknown.disk }),
      gpu: new SteadyReader({ ...common, collector: collectors.gpu, unknown: unknown.gpu }),
      network: new SteadyReader({ ...common, collector: collectors.network, unknown: unknown.network }),
    };
    this.#clock = clock;
    this.#log = log;
  }

  get active(): boolean {
    return this.#consumers.size > 0;
  }

  latest(): ResourceFrame | null {
    if (!this.#latest || this.#clock.monotonic() - this.#latest.at > CURRENT_MS) return null;
    return this.#latest.frame;
  }

  sample(): Promise<ResourceFrame> {
    this.#sampling ??= this.#read().finally(() => {
      this.#sampling = undefined;
      if (!this.active) this.#releaseSoon();
    });
    return this.#sampling;
  }

  watch(consumer: (frame: ResourceFrame) => void): Disposable {
    // A function of its own for each watch, so that one consumer may watch twice.
    const entry = (frame: ResourceFrame) => consumer(frame);
    this.#consumers.add(entry);
    this.#release?.[Symbol.dispose]();
    this.#timer ??= every(
      this.#clock,
      INTERVAL_MS,
      () => this.#tick(),
      (error) => this.#log.error("Sampling failed: {error}", { error }),
    );
    return {
      [Symbol.dispose]: () => {
        if (this.#consumers.delete(entry) && !this.active) this.#rest();
      },
    };
  }

  [Symbol.dispose](): void {
    this.#disposed = true;
    this.#consumers.clear();
    this.#rest();
  }

  #rest(): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    this.#release?.[Symbol.dispose]();
    for (const reader of Object.values(this.#readers)) reader[Symbol.dispose]();
  }

  #releaseSoon(): void {
    this.#release?.[Symbol.dispose]();
    if (this.#disposed) this.#rest();
    else this.#release = this.#clock.after(RELEASE_MS, () => this.#rest());
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
    const readers = this.#readers;
    const [cpu, memory, disk, gpu, network] = await Promise.all([
      readers.cpu.read(),
      readers.memory.read(),
      readers.disk.read(),
      readers.gpu.read(),
      readers.network.read(),
    ]);
    const failures = Object.entries(readers).flatMap(([part, { failure }]) =>
      failure === null ? [] : [[part, failure]],
    );
    const frame = {
      timestamp: isoTime(this.#clock.now()),
      data: { cpu, memory, disk, gpu, network },
      ...(failures.length > 0 && { failing: Object.fromEntries(failures) }),
    };
    this.#latest = { frame, at: this.#clock.monotonic() };
    return frame;
  }
}
