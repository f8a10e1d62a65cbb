import type { GpuDevice, SystemResources, SystemResourcesUpdate } from "../../contract/index.ts";
import { addSample, emptyHistory, type History, type SampleValue } from "./history.ts";

export interface ResourceState {
  /** The last sample, or undefined while there is none. */
  readonly latest: SystemResources | undefined;
  /** When the last sample arrived, on this browser's clock, in milliseconds since the epoch. */
  readonly receivedAt: number | undefined;
  readonly history: History;
  /** Milliseconds by which the server's clock is ahead of the browser's. */
  readonly clockOffset: number;
}

export const noResources: ResourceState = {
  latest: undefined,
  receivedAt: undefined,
  history: emptyHistory,
  clockOffset: 0,
};

/** Differences up to this are the way of a message, not a clock that is wrong. */
const CLOCK_TOLERANCE_MS = 3_000;

export function resourcesSampled(
  state: ResourceState,
  update: SystemResourcesUpdate,
  receivedAt: number,
): ResourceState {
  const time = Date.parse(update.timestamp);
  const offset = time - receivedAt;
  return {
    latest: update.data,
    receivedAt,
    history: addSample(state.history, time, valuesOf(update.data)),
    clockOffset: Math.abs(offset) > CLOCK_TOLERANCE_MS ? offset : 0,
  };
}

/** The column of a device's history; devices are told apart by the number the server gave them. */
export function gpuColumn(device: Pick<GpuDevice, "id">, what: "usage" | "memory"): string {
  return `gpu.${device.id}.${what}`;
}

/** The name of a device's recorded history, which goes by what stays with the card. */
export function gpuMetric(device: Pick<GpuDevice, "id" | "uuid">, what: "usage" | "memory"): string {
  return `gpu.${device.uuid ?? device.id}.${what}`;
}

function valuesOf({ cpu, memory, disk, gpu, network }: SystemResources): Record<string, SampleValue> {
  const values: Record<string, SampleValue> = {
    cpu: cpu.usage_percent,
    memory: memory.usage_percent,
    disk: disk.usage_percent,
    "network.recv": network.bytes_recv_per_sec ?? null,
    "network.sent": network.bytes_sent_per_sec ?? null,
  };
  for (const device of gpu.devices) {
    values[gpuColumn(device, "usage")] = device.usage_percent;
    values[gpuColumn(device, "memory")] = device.memory_usage_percent;
  }
  return values;
}
