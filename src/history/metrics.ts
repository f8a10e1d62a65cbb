import type { SystemResources } from "../contract/index.ts";

/** The figures of one frame that have a history, by the names the API gives them. */
export function resourceValues({ cpu, memory, disk, gpu, network }: SystemResources): Record<string, number | null> {
  const values: Record<string, number | null> = {
    cpu: cpu.usage_percent,
    memory: memory.usage_percent,
    disk: disk.usage_percent,
    "network.recv": network.bytes_recv_per_sec ?? null,
    "network.sent": network.bytes_sent_per_sec ?? null,
  };
  for (const device of gpu.devices) {
    // A position can change with a reboot; a uuid stays with its card.
    const name = `gpu.${device.uuid ?? device.id}`;
    values[`${name}.usage`] = device.usage_percent;
    values[`${name}.memory`] = device.memory_usage_percent;
    values[`${name}.temperature`] = device.temperature;
    values[`${name}.power`] = device.power_watts ?? null;
  }
  return values;
}

const units: Readonly<Record<string, string>> = {
  cpu: "percent",
  memory: "percent",
  disk: "percent",
  usage: "percent",
  recv: "bytes_per_second",
  sent: "bytes_per_second",
  temperature: "celsius",
  power: "watts",
  latency: "milliseconds",
  up: "ratio",
  healthy: "ratio",
  cache_usage: "percent",
  requests_running: "requests",
  requests_waiting: "requests",
  prompt_tokens_per_second: "tokens_per_second",
  generation_tokens_per_second: "tokens_per_second",
};

/** The unit of a metric's values, null where its name does not say. */
export function unitOf(metric: string): string | null {
  return units[metric.slice(metric.lastIndexOf(".") + 1)] ?? null;
}
