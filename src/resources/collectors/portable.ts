import { cpus, freemem, totalmem } from "node:os";
import si from "systeminformation";
import type { Clock } from "../../clock.ts";
import { type CpuResources, levelOf, type MemoryResources, type NetworkResources } from "../../contract/index.ts";
import { type Collector, percentOf } from "../collector.ts";
import { RateMeter } from "../rate-meter.ts";
import { UsageMeter } from "../usage-meter.ts";
import { memoryResources } from "./memory.ts";

/*
 * For systems other than Linux. What the runtime knows by itself (processor times, memory on Windows) is asked at each
 * tick. For the rest systeminformation knows how, but spawns programs to ask; so it is asked beside the tick, no more than
 * every ten seconds, and a tick reports its last answer.
 */

const REFRESH_MS = 10_000;

/** An answer older than this (asking again fails or hangs) is none. */
const STALE_MS = 3 * REFRESH_MS;

/** An answer that is fetched anew beside the readings, at most every ten seconds. */
export class Refreshed<Answer> {
  readonly #fetch: () => Promise<Answer>;
  readonly #clock: Clock;
  #last: { readonly answer: Answer; readonly at: number } | undefined;
  #fetching: Promise<Answer> | undefined;

  constructor(clock: Clock, fetch: () => Promise<Answer>) {
    this.#fetch = fetch;
    this.#clock = clock;
  }

  /** The last answer; waits for one where there is none that holds. @throws what fetching it threw. */
  async get(): Promise<Answer> {
    const age = this.#last ? this.#clock.monotonic() - this.#last.at : Number.POSITIVE_INFINITY;
    if (this.#last && age < REFRESH_MS) return this.#last.answer;
    this.#fetching ??= this.#refresh();
    return this.#last && age < STALE_MS ? this.#last.answer : this.#fetching;
  }

  #refresh(): Promise<Answer> {
    const fetching = this.#fetch()
      .then((answer) => {
        this.#last = { answer, at: this.#clock.monotonic() };
        return answer;
      })
      .finally(() => {
        this.#fetching = undefined;
      });
    // Whoever waits hears of a failure; when nobody does, the next reading tries again.
    fetching.catch(() => {});
    return fetching;
  }
}

/** CPU through the runtime's own counters, which every system has. */
export class PortableCpuCollector implements Collector<CpuResources> {
  readonly name = "cpu";
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
}

export class PortableMemoryCollector implements Collector<MemoryResources> {
  readonly name = "memory";
  readonly #available: () => number | Promise<number>;

  constructor(clock: Clock, platform: NodeJS.Platform) {
    const memory = new Refreshed(clock, () => si.mem());
    // Windows counts what can be had at once as free; elsewhere much of it is cache and counts as used.
    this.#available = platform === "win32" ? freemem : async () => (await memory.get()).available;
  }

  async read(): Promise<MemoryResources> {
    return memoryResources(totalmem(), await this.#available(), "host");
  }
}

/** systeminformation counts no packets, so those are null. */
export class PortableNetworkCollector implements Collector<NetworkResources> {
  readonly name = "network";
  readonly #resources: Refreshed<NetworkResources>;

  constructor(clock: Clock, stats: () => Promise<readonly InterfaceStats[]> = () => si.networkStats("*")) {
    // The counters are as old as the answers are.
    const rates = new RateMeter(clock, STALE_MS);
    this.#resources = new Refreshed(clock, async () => {
      const totals = sumInterfaces(await stats());
      return { ...totals, packets_sent: null, packets_recv: null, ...rates.read(totals) };
    });
  }

  read(): Promise<NetworkResources> {
    return this.#resources.get();
  }
}

type InterfaceStats = Pick<si.Systeminformation.NetworkStatsData, "iface" | "tx_bytes" | "rx_bytes">;

function sumInterfaces(interfaces: readonly InterfaceStats[]): {
  bytes_sent: number | null;
  bytes_recv: number | null;
} {
  // "lo0" on the BSDs and macOS, "Loopback Pseudo-Interface 1" on Windows.
  const counted = interfaces.filter(({ iface }) => !/^lo[0-9]*$|loopback/i.test(iface));
  const sum = (key: "tx_bytes" | "rx_bytes") => {
    const total = counted.reduce((bytes, each) => bytes + each[key], 0);
    return counted.length > 0 && Number.isSafeInteger(total) ? total : null;
  };
  return { bytes_sent: sum("tx_bytes"), bytes_recv: sum("rx_bytes") };
}
