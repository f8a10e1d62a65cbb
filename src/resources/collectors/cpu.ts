import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../../clock.ts";
import { type CpuResources, levelOf } from "../../contract/index.ts";
import type { ContainerLimits } from "../cgroup.ts";
import { type Collector, percentOf } from "../collector.ts";
import { KeptFile } from "../kept-file.ts";
import type { Roots } from "../roots.ts";
import { type CpuTimes, UsageMeter } from "../usage-meter.ts";

/** Reading frequencies can interrupt every core and take milliseconds, so they are not read at each tick. */
const FREQUENCY_MS = 10_000;

/** CPU on Linux: /proc/stat for the machine, the control group's counter in a container with a CPU limit. */
export class CpuCollector implements Collector<CpuResources> {
  readonly name = "cpu";
  readonly #stat: KeptFile;
  readonly #group: KeptFile | undefined;
  readonly #limits: ContainerLimits["cpu"];
  readonly #roots: Roots;
  readonly #clock: Clock;
  readonly #meter: UsageMeter;
  #cores = 1;
  #frequency: { readonly mhz: number | null; readonly at: number } | undefined;

  constructor(parts: { roots: Roots; clock: Clock; limits: ContainerLimits["cpu"] }) {
    this.#roots = parts.roots;
    this.#clock = parts.clock;
    this.#limits = parts.limits;
    this.#stat = new KeptFile(join(parts.roots.proc, "stat"));
    this.#group = parts.limits && new KeptFile(parts.limits.usageFile);
    this.#meter = new UsageMeter(parts.clock, () => this.#times());
  }

  async read(): Promise<CpuResources> {
    const usage = await this.#meter.read();
    const usage_percent = usage && percentOf(usage.busy, usage.total);
    return {
      usage_percent,
      cores: this.#limits ? Math.round(this.#limits.cores * 100) / 100 : this.#cores,
      frequency: await this.#mhz(),
      status: usage_percent === null ? null : levelOf(usage_percent),
      scope: this.#limits ? "container" : "host",
    };
  }

  [Symbol.dispose](): void {
    this.#stat[Symbol.dispose]();
    this.#group?.[Symbol.dispose]();
  }

  #times(): CpuTimes {
    if (this.#limits && this.#group) {
      const busy = parseGroupUsage(this.#group.text(), this.#limits.unit);
      return { busy, total: this.#clock.monotonic() * this.#limits.cores };
    }
    const { busy, total, cores } = parseProcStat(this.#stat.text());
    this.#cores = cores;
    return { busy, total };
  }

  async #mhz(): Promise<number | null> {
    const now = this.#clock.monotonic();
    if (!this.#frequency || now - this.#frequency.at >= FREQUENCY_MS) {
      this.#frequency = { mhz: await readFrequency(this.#roots), at: now };
    }
    return this.#frequency.mhz;
  }
}

/**
 * Busy and total ticks over all CPUs since boot, and how many CPUs there are. Waiting for a disk is idle.
 *
 * @throws Error when `text` has no `cpu` line.
 */
export function parseProcStat(text: string): CpuTimes & { readonly cores: number } {
  // The long rest (interrupts) would only cost time.
  const head = text.slice(0, Math.max(0, text.indexOf("\nintr")) || text.length);
  const line = /^cpu +(.*)$/m.exec(head)?.[1];
  if (line === undefined) throw new Error("/proc/stat has no cpu line");
  // user nice system idle iowait irq softirq steal; what follows (guest) is counted in user already.
  const ticks = line.split(" ").slice(0, 8).map(Number);
  const total = ticks.reduce((sum, value) => sum + value, 0);
  const idle = (ticks[3] ?? 0) + (ticks[4] ?? 0);
  const cores = head.match(/^cpu[0-9]+ /gm)?.length ?? 1;
  return { busy: total - idle, total, cores };
}

/** CPU time a control group has used, in milliseconds; NaN when `text` does not say. */
export function parseGroupUsage(text: string, unit: "cpu.stat" | "nanoseconds"): number {
  if (unit === "nanoseconds") return Number.parseInt(text, 10) / 1e6;
  return Number(/^usage_usec ([0-9]+)$/m.exec(text)?.[1]) / 1e3;
}

/** Average over the cores in MHz: the governor's figure, else the processor's own, else null. */
async function readFrequency(roots: Roots): Promise<number | null> {
  const policies = join(roots.sys, "devices/system/cpu/cpufreq");
  try {
    const names = (await readdir(policies)).filter((name) => name.startsWith("policy"));
    const groups = await Promise.all(names.map((name) => readPolicy(join(policies, name))));
    const mhz = average(groups.flat());
    if (mhz !== null) return mhz;
  } catch {
    // Virtual machines and many containers have no governor.
  }
  try {
    return parseCpuInfoMhz(await readFile(join(roots.proc, "cpuinfo"), "latin1"));
  } catch {
    return null;
  }
}

/** MHz of each core that a policy sets the pace for; a phone's chip has fast and slow ones. */
async function readPolicy(directory: string): Promise<number[]> {
  const [kilohertz, cores] = await Promise.all([
    readFile(join(directory, "scaling_cur_freq"), "latin1"),
    readFile(join(directory, "affected_cpus"), "latin1"),
  ]);
  // Some drivers say "<unknown>".
  const mhz = Number.parseInt(kilohertz, 10) / 1000;
  return Number.isFinite(mhz)
    ? cores
        .trim()
        .split(/\s+/)
        .map(() => mhz)
    : [];
}

/** Average of the `cpu MHz` lines of /proc/cpuinfo, null where there are none (arm64). */
export function parseCpuInfoMhz(text: string): number | null {
  return average([...text.matchAll(/^cpu MHz\s*:\s*([0-9.]+)/gm)].map((match) => Number(match[1])));
}

function average(values: readonly number[]): number | null {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Number.isFinite(mean) && mean > 0 ? Math.round(mean) : null;
}
