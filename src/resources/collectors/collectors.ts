import { readFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { join } from "node:path";
import type { Logger } from "@logtape/logtape";
import type { Clock } from "../../clock.ts";
import { readContainerLimits } from "../cgroup.ts";
import type { Collectors } from "../collector.ts";
import { type Roots, systemRoots } from "../roots.ts";
import { AmdDevices } from "./amd.ts";
import { CpuCollector, parseProcStat } from "./cpu.ts";
import { DiskCollector } from "./disk.ts";
import { GpuCollector } from "./gpu.ts";
import { MemoryCollector, parseMeminfo } from "./memory.ts";
import { NetworkCollector } from "./network.ts";
import { NvidiaDevices } from "./nvidia.ts";
import { PortableCpuCollector, PortableMemoryCollector, PortableNetworkCollector } from "./portable.ts";

export interface CollectorsParts {
  readonly clock: Clock;
  readonly log: Logger;
  /** The directory whose file system is watched. */
  readonly diskPath: string;
  /** `off` looks for no GPU and reports none. */
  readonly gpu: "auto" | "off";
  readonly platform?: NodeJS.Platform;
  readonly roots?: Roots;
  /** Program and arguments that print NVIDIA's devices; nvidia-smi's own unless given. */
  readonly nvidiaCommand?: readonly string[];
}

/** The collectors for this system: the only place that names the kinds. */
export function createCollectors(parts: CollectorsParts): Collectors {
  const { clock, log, diskPath, nvidiaCommand, roots = systemRoots, platform = process.platform } = parts;
  const vendors = () => [
    new NvidiaDevices({ clock, log, ...(nvidiaCommand && { command: nvidiaCommand }) }),
    new AmdDevices({ roots, clock }),
  ];
  const everywhere = {
    disk: new DiskCollector({ path: diskPath }),
    gpu: new GpuCollector({ vendors: parts.gpu === "off" ? [] : vendors(), clock, log }),
  };
  if (platform !== "linux") {
    return {
      ...everywhere,
      cpu: new PortableCpuCollector(clock),
      memory: new PortableMemoryCollector(clock, platform),
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
