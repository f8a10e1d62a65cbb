import { readFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { join } from "node:path";
import type { Clock } from "../../clock.ts";
import { readContainerLimits } from "../cgroup.ts";
import type { Collectors } from "../collector.ts";
import { type Roots, systemRoots } from "../roots.ts";
import { CpuCollector, parseProcStat } from "./cpu.ts";
import { DiskCollector } from "./disk.ts";
import { GpuCollector, NoGpuCollector } from "./gpu.ts";
import { MemoryCollector, parseMeminfo } from "./memory.ts";
import { NetworkCollector } from "./network.ts";
import { PortableCpuCollector, PortableMemoryCollector, PortableNetworkCollector } from "./portable.ts";

export interface CollectorsParts {
  readonly clock: Clock;
  /** The directory whose file system is watched. */
  readonly diskPath: string;
  readonly gpu: "auto" | "off";
  readonly platform?: NodeJS.Platform;
  readonly roots?: Roots;
  /** Program and arguments that print NVIDIA's devices; nvidia-smi's own unless given. */
  readonly nvidiaCommand?: readonly string[];
}

/** The collectors for this system: one line for each part of the machine, and the only place that names the kinds. */
export function createCollectors(parts: CollectorsParts): Collectors {
  const { clock, diskPath, nvidiaCommand, roots = systemRoots, platform = process.platform } = parts;
  const gpu = () => new GpuCollector({ roots, clock, ...(nvidiaCommand && { nvidiaCommand }) });
  const everywhere = {
    disk: new DiskCollector({ path: diskPath, clock }),
    gpu: parts.gpu === "off" ? new NoGpuCollector() : gpu(),
  };
  if (platform !== "linux") {
    return {
      ...everywhere,
      cpu: new PortableCpuCollector(clock),
      memory: new PortableMemoryCollector(clock),
      network: new PortableNetworkCollector(clock),
    };
  }
  const limits = readContainerLimits(roots, ...hostSize(roots));
  return {
    ...everywhere,
    cpu: new CpuCollector({ roots, clock, limits: limits.cpu }),
    memory: new MemoryCollector({ roots, limits: limits.memory }),
    network: new NetworkCollector({ roots, clock }),
  };
}

/** Bytes of memory and number of CPUs of the machine itself, which /proc shows also inside a container. */
function hostSize(roots: Roots): [memoryBytes: number, cores: number] {
  try {
    const { totalBytes } = parseMeminfo(readFileSync(join(roots.proc, "meminfo"), "latin1"));
    return [totalBytes, parseProcStat(readFileSync(join(roots.proc, "stat"), "latin1")).cores];
  } catch {
    return [totalmem(), cpus().length];
  }
}
