import { join } from "node:path";
import { levelOf, type MemoryResources } from "../../contract/index.ts";
import type { ContainerLimits } from "../cgroup.ts";
import { type Collector, gigabytes, percentOf } from "../collector.ts";
import { KeptFile } from "../kept-file.ts";
import type { Roots } from "../roots.ts";

/** Memory on Linux: /proc/meminfo, or the control group's limit and what is used of it. */
export class MemoryCollector implements Collector<MemoryResources> {
  readonly #meminfo: KeptFile;
  readonly #limits: ContainerLimits["memory"];
  readonly #usage: KeptFile | undefined;
  readonly #stat: KeptFile | undefined;

  constructor(parts: { roots: Roots; limits: ContainerLimits["memory"] }) {
    this.#meminfo = new KeptFile(join(parts.roots.proc, "meminfo"));
    this.#limits = parts.limits;
    this.#usage = parts.limits && new KeptFile(parts.limits.usageFile);
    this.#stat = parts.limits && new KeptFile(parts.limits.statFile);
  }

  read(): MemoryResources {
    if (!this.#limits || !this.#usage || !this.#stat) {
      const { totalBytes, availableBytes } = parseMeminfo(this.#meminfo.text());
      return memoryResources(totalBytes, availableBytes, "host");
    }
    const { limitBytes, inactiveKey } = this.#limits;
    // Page cache that can be dropped is not used: what `docker stats` shows, too.
    const inactive = Number(new RegExp(`^${inactiveKey} ([0-9]+)$`, "m").exec(this.#stat.text())?.[1] ?? 0);
    const used = Number.parseInt(this.#usage.text(), 10) - inactive;
    return memoryResources(limitBytes, limitBytes - used, "container");
  }

  [Symbol.dispose](): void {
    this.#meminfo[Symbol.dispose]();
    this.#usage?.[Symbol.dispose]();
    this.#stat?.[Symbol.dispose]();
  }
}

/** @throws Error when `text` says neither what is available nor, on kernels before 3.14, what is free. */
export function parseMeminfo(text: string): { totalBytes: number; availableBytes: number } {
  const kib = (key: string) => Number(new RegExp(`^${key}: +([0-9]+) kB$`, "m").exec(text)?.[1]);
  const totalBytes = kib("MemTotal") * 1024;
  const available = kib("MemAvailable");
  const availableBytes = (Number.isNaN(available) ? kib("MemFree") + kib("Buffers") + kib("Cached") : available) * 1024;
  if (Number.isNaN(totalBytes + availableBytes)) throw new Error("/proc/meminfo does not say how much memory there is");
  return { totalBytes, availableBytes };
}

/** The contract's figures for so many bytes; used is total − available. */
export function memoryResources(total: number, available: number, scope: "host" | "container"): MemoryResources {
  const left = Math.min(total, Math.max(0, available));
  const usage_percent = percentOf(total - left, total);
  return {
    usage_percent,
    total_gb: gigabytes(total),
    available_gb: gigabytes(left),
    status: usage_percent === null ? null : levelOf(usage_percent),
    scope,
  };
}
