import type { Level } from "../contract/primitives.ts";
import type { SystemResources } from "../contract/resources.ts";
import { bytes, levelFormat, measured } from "./format.ts";
import { cut, DEFAULT_COLUMNS, fit, NOTHING, type Paint, plain } from "./text.ts";

const NAME_WIDTH = 7;
const PERCENT_WIDTH = 6;

/** Columns of a bar on a terminal of 80; wider ones give it a quarter of their width. */
const LEAST_BAR = 16;
const MOST_BAR = 40;

/** The machine's resources, one line each, with a bar for what has a limit. */
export function resourceLines(resources: SystemResources, columns: number | undefined, paint: Paint): string[] {
  const width = columns ?? DEFAULT_COLUMNS;
  const barWidth = Math.min(MOST_BAR, Math.max(LEAST_BAR, Math.floor(width / 4)));
  const line = (name: string, percent: number | null, level: Level | null, text: string) => {
    const figure = (percent === null ? NOTHING : `${percent.toFixed(1)}%`).padStart(PERCENT_WIDTH);
    const head = `${fit(name, NAME_WIDTH)} ${bar(percent, level, barWidth, paint)} `;
    const rest = Math.max(0, width - NAME_WIDTH - barWidth - PERCENT_WIDTH - 4);
    const painted = level === null ? figure : paint(levelFormat[level], figure);
    return `${head}${painted}  ${paint("dim", columns === undefined ? text : cut(text, rest))}`;
  };
  const { cpu, memory, disk, gpu, network } = resources;
  return [
    line("cpu", cpu.usage_percent, cpu.status, `${cpu.cores} cores, ${measured(cpu.frequency, " MHz")}`),
    line("memory", memory.usage_percent, memory.status, free(memory.available_gb, memory.total_gb)),
    line("disk", disk.usage_percent, disk.status, free(disk.free_gb, disk.total_gb)),
    ...gpu.devices.map((device) => {
      const memoryUse = `memory ${measured(device.memory_usage_percent, "%")}`;
      const text = `${plain(device.name)}, ${memoryUse}, ${measured(device.temperature, " °C")}`;
      return line(`gpu ${device.id}`, device.usage_percent, device.status, text);
    }),
    `${fit("network", NAME_WIDTH)} ${networkText(network)}`,
  ];
}

function free(available: number | null, total: number | null): string {
  return `${measured(available, " GB")} of ${measured(total, " GB")} free`;
}

function networkText(network: SystemResources["network"]): string {
  const { bytes_recv_per_sec: down, bytes_sent_per_sec: up, bytes_recv, bytes_sent } = network;
  if (down !== null && down !== undefined && up !== null && up !== undefined) {
    return `↓ ${bytes(down)}/s  ↑ ${bytes(up)}/s`;
  }
  const total = (count: number | null) => (count === null ? NOTHING : bytes(count));
  return `↓ ${total(bytes_recv)}  ↑ ${total(bytes_sent)} since boot`;
}

/** `▓▓▓▓░░░░`, with the filled part in the level's colour. */
function bar(percent: number | null, level: Level | null, width: number, paint: Paint): string {
  const filled = Math.round(((percent ?? 0) / 100) * width);
  const full = "█".repeat(filled);
  const empty = paint("dim", "░".repeat(width - filled));
  return level === null || full === "" ? full + empty : paint(levelFormat[level], full) + empty;
}
