import type { GpuDevice, SystemResources } from "../contract/index.ts";
import type { Metric } from "./rules.ts";

/** One value of a frame that a rule watches. */
export interface Sample {
  /** Names the resource instance: `memory`, `gpu:<uuid>:temperature`. The same over restarts. */
  readonly key: string;
  readonly metric: Metric;
  /** The GPU's id; undefined for what there is one of. */
  readonly gpu?: string;
  /** Null when the machine does not report it now. */
  readonly value: number | null;
}

/** Everything in a frame that is watched. */
export function samplesOf({ cpu, memory, disk, gpu }: SystemResources): Sample[] {
  return [
    { key: "cpu", metric: "cpu", value: cpu.usage_percent },
    { key: "memory", metric: "memory", value: memory.usage_percent },
    { key: "disk", metric: "disk", value: disk.usage_percent },
    ...gpu.devices.flatMap(gpuSamples),
  ];
}

function gpuSamples(device: GpuDevice): Sample[] {
  const gpu = String(device.id);
  // Ids are positions and can change with a reboot; a uuid stays with its card.
  const key = `gpu:${device.uuid ?? gpu}`;
  return [
    { key: `${key}:usage`, metric: "gpu_usage", gpu, value: device.usage_percent },
    { key: `${key}:memory`, metric: "gpu_memory", gpu, value: device.memory_usage_percent },
    { key: `${key}:temperature`, metric: "gpu_temperature", gpu, value: device.temperature },
  ];
}
