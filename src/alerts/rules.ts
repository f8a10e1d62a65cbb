import type { Alert } from "../contract/index.ts";
import type { Limits } from "./step.ts";

/** What is watched on a machine, and on each of its GPUs. */
export type Metric = "cpu" | "memory" | "disk" | "gpu_usage" | "gpu_memory" | "gpu_temperature";

export interface Rule extends Limits {
  readonly type: Alert["type"];
  /** `resource.type` of its alerts. */
  readonly resource: "cpu" | "memory" | "disk" | "gpu";
  /** As in a title: `High Memory Usage`. */
  readonly title: string;
  /** As in a sentence, after the GPU's name where there is one: `Memory usage reached 85.2%`. */
  readonly subject: string;
  readonly unit: "%" | "°C";
  readonly actions: Alert["actions"];
}

const HYSTERESIS = 5;
/** A burst of work is normal for a processor. */
const CPU_FOR_MS = 10_000;
/** An inference box is busy by design: only what lasts is worth telling. */
const GPU_FOR_MS = 300_000;

/** The thresholds and waits are rulings of the project; the reasons are with each that is not 80/90 at once. */
export const rules = {
  cpu: {
    type: "cpu_threshold",
    resource: "cpu",
    title: "CPU Usage",
    subject: "CPU usage",
    unit: "%",
    warning: 80,
    critical: 90,
    hysteresis: HYSTERESIS,
    forMs: CPU_FOR_MS,
    actions: ["check_processes"],
  },
  memory: {
    type: "memory_threshold",
    resource: "memory",
    title: "Memory Usage",
    subject: "Memory usage",
    unit: "%",
    warning: 80,
    critical: 90,
    hysteresis: HYSTERESIS,
    forMs: 0,
    actions: ["check_processes", "restart_services"],
  },
  disk: {
    type: "disk_threshold",
    resource: "disk",
    title: "Disk Usage",
    subject: "Disk usage",
    unit: "%",
    warning: 80,
    critical: 90,
    hysteresis: HYSTERESIS,
    forMs: 0,
    actions: ["cleanup_temp_files", "archive_logs"],
  },
  gpu_usage: {
    type: "gpu_threshold",
    resource: "gpu",
    title: "GPU Usage",
    subject: "usage",
    unit: "%",
    warning: 80,
    critical: 90,
    hysteresis: HYSTERESIS,
    forMs: GPU_FOR_MS,
    actions: ["check_gpu_processes"],
  },
  gpu_memory: {
    type: "gpu_threshold",
    resource: "gpu",
    title: "GPU Memory Usage",
    subject: "memory usage",
    unit: "%",
    // vLLM reserves 0.92 of a GPU's memory by default, TensorRT-LLM 0.9; 97 leaves room above both.
    warning: 97,
    critical: 99,
    hysteresis: HYSTERESIS,
    forMs: GPU_FOR_MS,
    actions: ["check_gpu_processes"],
  },
  gpu_temperature: {
    type: "gpu_threshold",
    resource: "gpu",
    title: "GPU Temperature",
    subject: "temperature",
    unit: "°C",
    // What `nvidia-smi -q -d TEMPERATURE` reports as maximum operating, slowdown and shutdown temperature: 87, 89 and 92
    // on an H100, 93, 95 and 98 on an RTX 3060 Ti. Desktop cards hold 83 to 84 under load by design, laptop parts up to
    // 87. So 85 is above the first, and 88 is between "too hot" and "slows down" of the most sensitive.
    warning: 85,
    critical: 88,
    hysteresis: HYSTERESIS,
    forMs: 0,
    actions: ["check_gpu_processes"],
  },
} as const satisfies Record<Metric, { actions: readonly Alert["actions"][number][] } & Omit<Rule, "actions">>;

/** What to do about a deployment that does not answer its health checks. */
export const MODEL_ACTIONS = ["restart_model", "check_logs"] as const satisfies readonly Alert["actions"][number][];

/** How long a GPU has to be missing until its alerts are closed. A tool that died and is started again takes less. */
export const GONE_AFTER_MS = 60_000;
