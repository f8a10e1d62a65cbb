import { join } from "node:path";
import { levelOf, type MemoryResources } from "../../contract/index.ts";
import type { ContainerLimits } from "../cgroup.ts";
import { type Collector, gigabytes, percentOf } from "../collector.ts";
import { KeptFile } from "../kept-file.ts";
import type { Roots } from "../roots.ts";

/** Memory on Linux: /proc/meminfo, or the control group's limit and what is used of it. */
export class MemoryCollector implements Collector<MemoryResources> {
  readonly name = "memory";
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
    const used = parseGroupMemory(this.#usage.text(), this.#stat.text(), inactiveKey);
    return memoryResources(limitBytes, limitBytes - used, "container");
  }

  [Symbol.dispose](): void {
    this.#meminfo[Symbol.dispose]();
    this.#usage?.[Symbol.dispose]();
    this.#stat?.[Symbol.dispose]();
  }
}

const INACTIVE = {
  inactive_file: /^inactive_file ([0-9]+)$/m,
  total_inactive_file: /^total_inactive_file ([0-9]+)$/m,
};

/**
 * Bytes a control group uses. Page cache that can be dropped is not used; `docker stats` reckons so, too.
 *
 * @throws Error when `usage` is no number.
 */
export function parseGroupMemory(usage: string, stat: string, inactiveKey: keyof typeof INACTIVE): number {
  const used = Number.parseInt(usage, 10);
  if (Number.isNaN(used)) throw new Error("the control group does not say how much memory it uses");
  return used - Number(INACTIVE[inactiveKey].exec(stat)?.[1] ?? 0);
}

const MEMINFO = {
  total: /^MemTotal: +([0-9]+) kB$/m,
  available: /^MemAvailable: +([0-9]+) kB$/m,
  free: /^MemFree: +([0-9]+) kB$/m,
  buffers: /^Buffers: +([0-9]+) kB$/m,
  cached: /^Cached: +([0-9]+) kB$/m,
};

/** @throws Error when `text` says neither what is available nor, on kernels before 3.14, what is free. */
export function parseMeminfo(text: string): { totalBytes: number; availableBytes: number } {
  const bytes = (key: keyof typeof MEMINFO) => Number(MEMINFO[key].exec(text)?.[1]) * 1024;
  const totalBytes = bytes("total");
  const available = bytes("available");
  const availableBytes = Number.isNaN(available) ? bytes("free") + bytes("buffers") + bytes("cached") : available;
  if (!Number.isFinite(totalBytes + availableBytes) || totalBytes === 0) {
    throw new Error("/proc/meminfo does not say how much memory there is");
  }
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
