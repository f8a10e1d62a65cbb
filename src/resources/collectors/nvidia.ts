import { type ChildProcess, spawn } from "node:child_process";
import type { Clock } from "../../clock.ts";
import { type GpuDevice, levelOf } from "../../contract/index.ts";
import { gigabytes, percentOf } from "../collector.ts";

const FIELDS = [
  "index",
  "uuid",
  "name",
  "utilization.gpu",
  "memory.used",
  "memory.total",
  "temperature.gpu",
  "power.draw",
];

/** One long-lived loop: a single call takes seconds on machines with many GPUs, a line of the loop half a second. */
const COMMAND = ["nvidia-smi", `--query-gpu=${FIELDS.join(",")}`, "--format=csv,noheader,nounits", "-l", "2"] as const;

/** A device that three rounds of the loop did not mention is gone, or its driver hangs; old figures are no figures. */
const FRESH_MS = 7_000;

/** Delay before the loop is started again: 1 s, doubled up to a minute; no such program is looked for every 5 minutes. */
const RESTART_MS = { first: 1_000, most: 60_000, missing: 300_000 } as const;

/** Longest line that is read; nothing nvidia-smi prints comes near it. */
const MAX_LINE = 4_096;

/**
 * NVIDIA devices through one `nvidia-smi` that keeps printing. It runs from the first reading on until it is disposed,
 * and is started again when it ends.
 */
export class NvidiaDevices implements Disposable {
  readonly #clock: Clock;
  readonly #command: readonly string[];
  readonly #devices = new Map<string, { readonly device: GpuDevice; readonly at: number }>();
  #child: ChildProcess | undefined;
  #restart: Disposable | undefined;
  #delay: number = RESTART_MS.first;
  #firstLine = Promise.withResolvers<void>();

  constructor(parts: { clock: Clock; command?: readonly string[] }) {
    this.#clock = parts.clock;
    this.#command = parts.command ?? COMMAND;
  }

  /** The devices of the last few seconds, by index. The first call waits for the loop's first answer, or its failure. */
  async read(): Promise<GpuDevice[]> {
    if (!this.#child && !this.#restart) this.#start();
    await this.#firstLine.promise;
    const oldest = this.#clock.monotonic() - FRESH_MS;
    for (const [uuid, { at }] of this.#devices) if (at < oldest) this.#devices.delete(uuid);
    return [...this.#devices.values()].map(({ device }) => device).sort((a, b) => a.id - b.id);
  }

  [Symbol.dispose](): void {
    this.#restart?.[Symbol.dispose]();
    this.#restart = undefined;
    const child = this.#child;
    this.#child = undefined;
    child?.kill("SIGKILL");
    this.#devices.clear();
    this.#answered();
    this.#firstLine = Promise.withResolvers();
  }

  #start(): void {
    const [program = "", ...args] = this.#command;
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "ignore"], windowsHide: true });
    this.#child = child;
    // The loop must not keep the server alive. Without a pid the spawn has failed, and Deno throws here.
    if (child.pid !== undefined) child.unref();
    const deadline = this.#clock.after(FRESH_MS, () => this.#answered());
    const ended = (missing: boolean) => {
      deadline[Symbol.dispose]();
      if (this.#child !== child) return;
      this.#child = undefined;
      this.#answered();
      this.#restart = this.#clock.after(missing ? RESTART_MS.missing : this.#delay, () => {
        this.#restart = undefined;
        this.#start();
      });
      this.#delay = Math.min(this.#delay * 2, RESTART_MS.most);
    };
    child.on("error", () => ended(true));
    child.once("exit", () => ended(false));
    let rest = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      const lines = (rest + text).split("\n");
      // A line that does not end is none of nvidia-smi's.
      rest = (lines.pop() ?? "").slice(0, MAX_LINE);
      if (this.#child === child) for (const line of lines) this.#take(line, deadline);
    });
    // Deno reports a failed spawn here as well.
    child.stdout.on("error", () => {});
  }

  #take(line: string, deadline: Disposable): void {
    const device = parseNvidiaLine(line);
    if (!device) return;
    this.#devices.set(device.uuid ?? String(device.id), { device, at: this.#clock.monotonic() });
    this.#delay = RESTART_MS.first;
    deadline[Symbol.dispose]();
    this.#answered();
  }

  #answered(): void {
    this.#firstLine.resolve();
  }
}

/**
 * One line of the loop as a device, undefined for a line that is none (an error text, a heading, half a line).
 *
 * `[N/A]`, `[Not Supported]`, `[Unknown Error]` and the like are null: a MIG parent reports no utilisation but its
 * memory, an SoC the other way round.
 */
export function parseNvidiaLine(line: string): GpuDevice | undefined {
  const values = line.split(",").map((value) => value.trim());
  const [index, uuid, name, usage, used, total, temperature, power] = values;
  if (values.length !== FIELDS.length || !/^[0-9]{1,4}$/.test(index ?? "") || !name || !uuid) return undefined;
  const usage_percent = percentOf(number(usage), 100);
  const memory_usage_percent = number(total) > 0 ? percentOf(number(used), number(total)) : null;
  const level = usage_percent ?? memory_usage_percent;
  return {
    id: Number(index),
    name,
    usage_percent,
    memory_usage_percent,
    temperature: orNull(number(temperature)),
    status: level === null ? null : levelOf(level),
    vendor: "nvidia",
    uuid,
    // nvidia-smi counts in MiB.
    memory_total_gb: mebibytes(total),
    memory_used_gb: mebibytes(used),
    power_watts: orNull(number(power)),
  };
}

function number(text: string | undefined): number {
  return text !== undefined && /^[0-9]+(\.[0-9]+)?$/.test(text) ? Number(text) : Number.NaN;
}

function orNull(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}

function mebibytes(text: string | undefined): number | null {
  const value = number(text);
  return Number.isFinite(value) ? gigabytes(value * 2 ** 20) : null;
}
