import { cpus, totalmem } from "node:os";
import si from "systeminformation";
import type { Clock } from "../../clock.ts";
import { type CpuResources, levelOf, type MemoryResources, type NetworkResources } from "../../contract/index.ts";
import { type Collector, percentOf } from "../collector.ts";
import { RateMeter } from "../rate-meter.ts";
import { UsageMeter } from "../usage-meter.ts";
import { memoryResources } from "./memory.ts";

/*
 * For systems other than Linux. systeminformation knows them all, but spawns programs to ask them; so it is asked beside
 * the tick and no more than every ten seconds, and a tick reports its last answer.
 */

const REFRESH_MS = 10_000;

/** An answer that is fetched anew beside the readings, at most every ten seconds. */
class Refreshed<Answer> {
  readonly #fetch: () => Promise<Answer>;
  readonly #clock: Clock;
  #answer: Promise<Answer> | undefined;
  #fetching = false;
  #at = 0;

  constructor(clock: Clock, fetch: () => Promise<Answer>) {
    this.#clock = clock;
    this.#fetch = fetch;
  }

  /** The last answer; the first call waits for it. */
  get(): Promise<Answer> {
    const now = this.#clock.monotonic();
    if (this.#answer && (this.#fetching || now - this.#at < REFRESH_MS)) return this.#answer;
    this.#fetching = true;
    this.#at = now;
    const next = this.#fetch().finally(() => {
      this.#fetching = false;
    });
    const last = this.#answer ?? next;
    // Kept only once it is there, so that a reading never waits for a refresh.
    this.#answer = last;
    next.then(
      () => {
        this.#answer = next;
      },
      () => {
        this.#answer = undefined;
      },
    );
    return last;
  }
}

/** CPU through the runtime's own counters, which every system has. */
export class PortableCpuCollector implements Collector<CpuResources> {
  readonly #meter: UsageMeter;

  constructor(clock: Clock) {
    this.#meter = new UsageMeter(clock, () => {
      const times = cpus().map((cpu) => cpu.times);
      const total = times.reduce((sum, t) => sum + t.user + t.nice + t.sys + t.irq + t.idle, 0);
      return { busy: total - times.reduce((sum, t) => sum + t.idle, 0), total };
    });
  }

  async read(): Promise<CpuResources> {
    const usage = await this.#meter.read();
    const usage_percent = usage && percentOf(usage.busy, usage.total);
    const all = cpus();
    const mhz = all.reduce((sum, cpu) => sum + cpu.speed, 0) / all.length;
    return {
      usage_percent,
      cores: Math.max(1, all.length),
      frequency: mhz > 0 ? Math.round(mhz) : null,
      status: usage_percent === null ? null : levelOf(usage_percent),
      scope: "host",
    };
  }

  [Symbol.dispose](): void {}
}

export class PortableMemoryCollector implements Collector<MemoryResources> {
  readonly #memory: Refreshed<si.Systeminformation.MemData>;

  constructor(clock: Clock) {
    this.#memory = new Refreshed(clock, () => si.mem());
  }

  async read(): Promise<MemoryResources> {
    const { available } = await this.#memory.get();
    return memoryResources(totalmem(), available, "host");
  }

  [Symbol.dispose](): void {}
}

/** systeminformation counts no packets, so those are null. */
export class PortableNetworkCollector implements Collector<NetworkResources> {
  readonly #stats: Refreshed<si.Systeminformation.NetworkStatsData[]>;
  readonly #rates: RateMeter;

  constructor(clock: Clock) {
    this.#stats = new Refreshed(clock, () => si.networkStats("*"));
    this.#rates = new RateMeter(clock);
  }

  async read(): Promise<NetworkResources> {
    const interfaces = (await this.#stats.get()).filter(
      ({ iface }) => !/^lo[0-9]*$/i.test(iface) && !/loopback/i.test(iface),
    );
    const totals = {
      bytes_sent: interfaces.reduce((sum, { tx_bytes }) => sum + tx_bytes, 0),
      bytes_recv: interfaces.reduce((sum, { rx_bytes }) => sum + rx_bytes, 0),
    };
    return { ...totals, packets_sent: null, packets_recv: null, ...this.#rates.read(totals) };
  }

  [Symbol.dispose](): void {}
}
