import { type GpuDevice, levelOf } from "../../contract/index.ts";
import { gigabytes, orNull, percentOf } from "../collector.ts";

/** What is asked of `nvidia-smi --query-gpu`, in this order. */
export const NVIDIA_FIELDS = [
  "count",
  "index",
  "uuid",
  "name",
  "utilization.gpu",
  "memory.used",
  "memory.total",
  "temperature.gpu",
  "power.draw",
] as const;

/** Longest line that is read; nothing nvidia-smi prints comes near it. */
const MAX_LINE = 4_096;

/** More devices than this are no round of nvidia-smi's. */
const MAX_DEVICES = 256;

/** One printed row. */
export interface NvidiaRow {
  readonly device: GpuDevice;
  /** How many devices the driver has; null when it does not say. */
  readonly count: number | null;
}

/**
 * One line as a row, undefined for a line that is none (an error text, a heading, half a line).
 *
 * `[N/A]`, `[Not Supported]`, `[Unknown Error]`, `[GPU is lost]`, `ERR!` and the like are null: a GPU split by MIG reports
 * no utilisation but its memory, one that shares the machine's memory the other way round.
 */
export function parseNvidiaRow(line: string): NvidiaRow | undefined {
  const values = line.split(",").map((value) => value.trim());
  if (values.length !== NVIDIA_FIELDS.length) return undefined;
  const [count, index, uuid, name, usage, used, total, temperature, power] = values;
  if (!/^[0-9]{1,4}$/.test(index ?? "") || !name || name.startsWith("[")) return undefined;
  const usage_percent = percentOf(number(usage), 100);
  const memory_usage_percent = number(total) > 0 ? percentOf(number(used), number(total)) : null;
  const level = usage_percent ?? memory_usage_percent;
  const devices = number(count);
  return {
    count: Number.isInteger(devices) ? devices : null,
    device: {
      id: Number(index),
      name,
      usage_percent,
      memory_usage_percent,
      temperature: orNull(number(temperature)),
      status: level === null ? null : levelOf(level),
      vendor: "nvidia",
      ...(uuid && /^(GPU|MIG)-/.test(uuid) && { uuid }),
      // nvidia-smi counts in MiB.
      memory_total_gb: orNull(gigabytes(number(total) * 2 ** 20)),
      memory_used_gb: orNull(gigabytes(number(used) * 2 ** 20)),
      power_watts: orNull(number(power)),
    },
  };
}

function number(text: string | undefined): number {
  return text !== undefined && /^[0-9]{1,9}(\.[0-9]{1,9})?$/.test(text) ? Number(text) : Number.NaN;
}

/** Whether a device says anything at all about itself. */
export function saysSomething(device: GpuDevice): boolean {
  return device.usage_percent !== null || device.temperature !== null || typeof device.memory_used_gb === "number";
}

/** A device that is known to be there and tells nothing: old figures are no figures. */
export function silent(device: GpuDevice): GpuDevice {
  return {
    ...device,
    usage_percent: null,
    memory_usage_percent: null,
    temperature: null,
    status: null,
    memory_used_gb: null,
    power_watts: null,
  };
}

/** Cuts a stream of text into lines. A line that is too long is dropped whole, so no output makes memory grow. */
export class Lines {
  #rest = "";
  #dropping = false;

  take(text: string): string[] {
    const lines = (this.#rest + text).split("\n");
    const rest = lines.pop() ?? "";
    if (this.#dropping && lines.length > 0) {
      lines.shift();
      this.#dropping = false;
    }
    if (rest.length > MAX_LINE) this.#dropping = true;
    this.#rest = this.#dropping ? "" : rest;
    return lines.filter((line) => line.length <= MAX_LINE);
  }
}

/**
 * Puts rows together to rounds, one round being each device once. A device that a round does not mention is gone.
 *
 * A round is complete with as many rows as the driver has devices; where one of them is lost and has no row, with the
 * beginning of the next.
 */
export class Rounds {
  #devices = new Map<string, GpuDevice>();

  /** The round that `row` completes, undefined while it is under way. */
  take({ device, count }: NvidiaRow): GpuDevice[] | undefined {
    const key = device.uuid ?? String(device.id);
    let complete: GpuDevice[] | undefined;
    if (this.#devices.has(key) || this.#devices.size >= MAX_DEVICES) complete = this.#finish();
    this.#devices.set(key, device);
    if (this.#devices.size === count) complete = this.#finish();
    return complete;
  }

  #finish(): GpuDevice[] {
    const devices = [...this.#devices.values()].sort((a, b) => a.id - b.id);
    this.#devices.clear();
    return devices;
  }
}
