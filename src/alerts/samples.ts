import type { GpuDevice, SystemResources } from "../contract/index.ts";
import type { Failures } from "../resources/sampler.ts";
import { factSays, type Says, thresholdSays } from "./content.ts";
import type { DiskForecast } from "./disk-forecast.ts";
import type { Observation } from "./monitor.ts";
import { type RuleName, rules } from "./rules.ts";

/** The rules about what is in each frame of resources. */
export const FRAME_RULES = [
  "cpu",
  "memory",
  "disk",
  "inodes",
  "disk_full",
  "gpu_usage",
  "gpu_memory",
  "gpu_temperature",
  "collector_failed",
] as const satisfies readonly RuleName[];

type Part = keyof SystemResources;

/** Which part of a frame a rule is about. */
export const PARTS = {
  cpu: "cpu",
  memory: "memory",
  disk: "disk",
  inodes: "disk",
  disk_full: "disk",
  gpu_usage: "gpu",
  gpu_memory: "gpu",
  gpu_temperature: "gpu",
} as const satisfies Partial<Record<RuleName, Part>>;

const SAYS = Object.fromEntries(
  Object.keys(PARTS).map((name) => [name, thresholdSays(rules[name as keyof typeof PARTS])]),
) as Readonly<Record<keyof typeof PARTS, Says>>;

/** Names the incident that a part cannot be read. */
export function collectorKey(part: Part): string {
  return `collector:${part}`;
}

/** Everything in a frame that is watched: first the parts themselves, since what is in them follows. */
export function observationsOf(
  { cpu, memory, disk, gpu, network }: SystemResources,
  failing: Failures,
  forecast: DiskForecast,
  now: number,
): Observation[] {
  const parts = Object.keys({ cpu, memory, disk, gpu, network } satisfies Record<Part, unknown>) as Part[];
  const of = (rule: keyof typeof PARTS, value: number | null): Observation => ({
    key: rule,
    rule,
    value,
    says: SAYS[rule],
    source: collectorKey(PARTS[rule]),
  });
  return [
    ...parts.map((part) => collectorObservation(part, failing[part])),
    of("cpu", cpu.usage_percent),
    of("memory", memory.usage_percent),
    of("disk", disk.usage_percent),
    of("inodes", disk.inodes_usage_percent ?? null),
    ...diskFull(disk, forecast, now).map((hours) => of("disk_full", hours)),
    ...gpu.devices.flatMap(gpuObservations),
  ];
}

/** While nothing is known yet there is nothing to observe, which is not the same as a value that is missing. */
function diskFull(disk: SystemResources["disk"], forecast: DiskForecast, now: number): (number | null)[] {
  const { free_bytes, total_gb } = disk;
  if (free_bytes === null || free_bytes === undefined || total_gb === null) return [null];
  const hours = forecast.observe(free_bytes, total_gb * 2 ** 30, now);
  return hours === undefined ? [] : [Math.round(hours * 10) / 10];
}

function collectorObservation(part: Part, failure: string | undefined): Observation {
  const name = part === "cpu" || part === "gpu" ? part.toUpperCase() : part;
  const value = failure === undefined ? 0 : 1;
  return {
    key: collectorKey(part),
    rule: "collector_failed",
    value,
    says: factSays(rules.collector_failed, {
      resource: { type: "collector", id: part, current_value: value, threshold: 1, unit: "" },
      title: `${capitalized(name)} Is Not Monitored`,
      message: `The ${name} cannot be read: ${failure}`,
      overTitle: `${capitalized(name)} Is Monitored Again`,
      overMessage: `The ${name} can be read again`,
    }),
  };
}

function gpuObservations(device: GpuDevice): Observation[] {
  const gpu = String(device.id);
  // Ids are positions and can change with a reboot; a uuid stays with its card.
  const key = `gpu:${device.uuid ?? gpu}`;
  const of = (what: string, rule: "gpu_usage" | "gpu_memory" | "gpu_temperature", value: number | null) => ({
    key: `${key}:${what}`,
    rule,
    value,
    says: thresholdSays(rules[rule], gpu),
    source: collectorKey("gpu"),
  });
  return [
    of("usage", "gpu_usage", device.usage_percent),
    of("memory", "gpu_memory", device.memory_usage_percent),
    of("temperature", "gpu_temperature", device.temperature),
  ];
}

function capitalized(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}
