import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../../clock.ts";
import { type GpuDevice, levelOf } from "../../contract/index.ts";
import { type Collector, gigabytes, orNull, percentOf } from "../collector.ts";
import type { Roots } from "../roots.ts";

/** Cards come and go rarely. */
const RESCAN_MS = 60_000;

/** PCI vendor id of AMD. */
const AMD = "0x1002";

/** A card and what does not change about it. */
interface Card {
  readonly directory: string;
  readonly name: string;
  readonly uuid: string | undefined;
  /** The directory of its hardware monitor. */
  readonly sensors: string | undefined;
}

/**
 * AMD devices through the files of the amdgpu driver (https://docs.kernel.org/gpu/amdgpu/thermal.html); neither ROCm nor a
 * process is needed. They are read beside the event loop: a card that resets answers late.
 */
export class AmdDevices implements Collector<readonly GpuDevice[]> {
  readonly name = "amdgpu";
  readonly #roots: Roots;
  readonly #clock: Clock;
  #cards: readonly Card[] = [];
  #scanAt = Number.NEGATIVE_INFINITY;

  constructor(parts: { roots: Roots; clock: Clock }) {
    this.#roots = parts.roots;
    this.#clock = parts.clock;
  }

  async read(): Promise<readonly GpuDevice[]> {
    const now = this.#clock.monotonic();
    if (now >= this.#scanAt) {
      this.#cards = await findCards(this.#roots);
      this.#scanAt = now + RESCAN_MS;
    }
    return Promise.all(this.#cards.map((card, index) => readCard(card, index)));
  }
}

async function findCards(roots: Roots): Promise<Card[]> {
  const drm = join(roots.sys, "class/drm");
  const numbers = (await list(drm)).flatMap((name) => /^card([0-9]+)$/.exec(name)?.[1] ?? []).map(Number);
  const cards = numbers.sort((a, b) => a - b).map((number) => findCard(join(drm, `card${number}`, "device"), roots));
  return (await Promise.all(cards)).filter((card) => card !== undefined);
}

async function findCard(directory: string, roots: Roots): Promise<Card | undefined> {
  const [vendor, total, device, revision, product, uuid, sensors] = await Promise.all([
    text(directory, "vendor"),
    text(directory, "mem_info_vram_total"),
    text(directory, "device"),
    text(directory, "revision"),
    text(directory, "product_name"),
    text(directory, "unique_id"),
    list(join(directory, "hwmon")),
  ]);
  // Cards of the older radeon driver have none of the files.
  if (vendor !== AMD || total === undefined) return undefined;
  const marketed = product || marketingName(await text(roots.amdNames, ""), device, revision);
  return {
    directory,
    name: marketed ?? `AMD GPU ${device ?? ""}`.trim(),
    uuid: uuid || undefined,
    sensors: sensors[0] === undefined ? undefined : join(directory, "hwmon", sensors[0]),
  };
}

/** The name that libdrm's list has for PCI ids like "0x73bf" and "0xc1"; only server cards bring their own. */
export function marketingName(
  names: string | undefined,
  device: string | undefined,
  revision: string | undefined,
): string | undefined {
  if (names === undefined || !device || !revision) return undefined;
  const [wantedDevice, wantedRevision] = [device, revision].map((id) => Number.parseInt(id, 16));
  for (const line of names.split("\n")) {
    // device id, revision id, product name
    const [id = "", rev = "", ...name] = line.split(",").map((field) => field.trim());
    if (Number.parseInt(id, 16) === wantedDevice && Number.parseInt(rev, 16) === wantedRevision) {
      return name.join(", ") || undefined;
    }
  }
  return undefined;
}

async function readCard({ directory, name, uuid, sensors }: Card, id: number): Promise<GpuDevice> {
  const identity = { id, name, vendor: "amd" as const, ...(uuid && { uuid }) };
  const state = await text(directory, "power/runtime_status");
  // Asking a card that sleeps would wake it and keep it awake.
  if (state === "suspended" || state === "suspending") {
    return { ...identity, usage_percent: null, memory_usage_percent: null, temperature: null, status: null };
  }
  const [busy, total, used, millidegrees, average, current] = await Promise.all([
    count(directory, "gpu_busy_percent"),
    count(directory, "mem_info_vram_total"),
    count(directory, "mem_info_vram_used"),
    count(sensors, "temp1_input"),
    count(sensors, "power1_average"),
    count(sensors, "power1_input"),
  ]);
  const usage_percent = percentOf(busy, 100);
  const memory_usage_percent = percentOf(used, total);
  const level = usage_percent ?? memory_usage_percent;
  // Newer cards report what they draw at the moment instead of an average.
  const microwatts = Number.isNaN(average) ? current : average;
  return {
    ...identity,
    usage_percent,
    memory_usage_percent,
    temperature: orNull(Math.round(millidegrees / 1000)),
    status: level === null ? null : levelOf(level),
    memory_total_gb: orNull(gigabytes(total)),
    memory_used_gb: orNull(gigabytes(used)),
    power_watts: orNull(Math.round(microwatts / 1e5) / 10),
  };
}

async function count(directory: string | undefined, name: string): Promise<number> {
  const found = directory && (await text(directory, name));
  return found && /^[0-9]{1,16}$/.test(found) ? Number(found) : Number.NaN;
}

async function text(directory: string, name: string): Promise<string | undefined> {
  try {
    return (await readFile(join(directory, name), "utf8")).trim();
  } catch {
    // Not every card has every file, and some refuse to be read.
    return undefined;
  }
}

async function list(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch {
    // No graphics at all.
    return [];
  }
}
