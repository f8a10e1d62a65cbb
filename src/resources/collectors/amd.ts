import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "../../clock.ts";
import { type GpuDevice, levelOf } from "../../contract/index.ts";
import { gigabytes, percentOf } from "../collector.ts";
import type { Roots } from "../roots.ts";

/** Cards come and go rarely. */
const RESCAN_MS = 60_000;

/** PCI vendor id of AMD. */
const AMD = "0x1002";

/** AMD devices through the files of the amdgpu driver; neither ROCm nor a process is needed. */
export class AmdDevices {
  readonly #roots: Roots;
  readonly #clock: Clock;
  #cards: { readonly directories: readonly string[]; readonly at: number } | undefined;

  constructor(parts: { roots: Roots; clock: Clock }) {
    this.#roots = parts.roots;
    this.#clock = parts.clock;
  }

  /** The devices, numbered from `firstId` on. */
  read(firstId: number): GpuDevice[] {
    const now = this.#clock.monotonic();
    if (!this.#cards || now - this.#cards.at >= RESCAN_MS) {
      this.#cards = { directories: amdCards(join(this.#roots.sys, "class/drm")), at: now };
    }
    return this.#cards.directories.map((directory, index) => readCard(directory, firstId + index));
  }
}

function amdCards(drm: string): string[] {
  let names: string[] = [];
  try {
    names = readdirSync(drm);
  } catch {
    // No graphics at all.
  }
  return names
    .filter((name) => /^card[0-9]+$/.test(name))
    .sort((a, b) => Number(a.slice(4)) - Number(b.slice(4)))
    .map((name) => join(drm, name, "device"))
    .filter((device) => file(device, "vendor") === AMD && file(device, "mem_info_vram_total") !== undefined);
}

function readCard(device: string, id: number): GpuDevice {
  const name = file(device, "product_name") || `AMD GPU ${file(device, "device") ?? ""}`.trim();
  const unknown = { id, name, vendor: "amd" as const, ...uuidOf(device) };
  // Reading a card that sleeps would wake it and keep it awake.
  if (file(device, "power/runtime_status") === "suspended") {
    return { ...unknown, usage_percent: null, memory_usage_percent: null, temperature: null, status: null };
  }
  const usage_percent = percentOf(count(device, "gpu_busy_percent"), 100);
  const total = count(device, "mem_info_vram_total");
  const used = count(device, "mem_info_vram_used");
  const memory_usage_percent = percentOf(used, total);
  const level = usage_percent ?? memory_usage_percent;
  const sensors = sensorsOf(device);
  const temperature = sensors ? count(sensors, "temp1_input") / 1000 : Number.NaN;
  const microwatts = sensors
    ? count(sensors, file(sensors, "power1_average") ? "power1_average" : "power1_input")
    : Number.NaN;
  return {
    ...unknown,
    usage_percent,
    memory_usage_percent,
    temperature: Number.isFinite(temperature) ? Math.round(temperature) : null,
    status: level === null ? null : levelOf(level),
    memory_total_gb: Number.isFinite(total) ? gigabytes(total) : null,
    memory_used_gb: Number.isFinite(used) ? gigabytes(used) : null,
    power_watts: Number.isFinite(microwatts) ? Math.round(microwatts / 1e5) / 10 : null,
  };
}

function uuidOf(device: string): { uuid?: string } {
  const id = file(device, "unique_id");
  return id ? { uuid: id } : {};
}

/** The directory of the card's hardware monitor. */
function sensorsOf(device: string): string | undefined {
  try {
    const [name] = readdirSync(join(device, "hwmon"));
    return name === undefined ? undefined : join(device, "hwmon", name);
  } catch {
    return undefined;
  }
}

function count(directory: string, name: string): number {
  const text = file(directory, name);
  return text !== undefined && /^[0-9]+$/.test(text) ? Number(text) : Number.NaN;
}

function file(directory: string, name: string): string | undefined {
  try {
    return readFileSync(join(directory, name), "utf8").trim();
  } catch {
    // Not every card has every file.
    return undefined;
  }
}
