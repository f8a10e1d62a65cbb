import type { AlertRuleName, AlertRuleSettings } from "../config/alert-rules.ts";
import type { Alert, AlertAction, AlertCategory, AlertType, Severity } from "../contract/index.ts";
import type { AlertLevel } from "./alert-state.ts";
import type { Limits } from "./detector.ts";

export type RuleName = AlertRuleName;

/** What a rule is about and how its alerts read; what can be set about it are its `AlertRuleSettings`. */
export interface Rule {
  readonly type: AlertType;
  readonly category: AlertCategory;
  /** `resource.type` of its alerts. */
  readonly resource: Alert["resource"]["type"];
  /** As in a title: `High Memory Usage`. */
  readonly title: string;
  /** As in a sentence, after the GPU's name where there is one: `Memory usage reached 85.2%`. */
  readonly subject: string;
  /** Empty for what is so or not. */
  readonly unit: string;
  readonly bad: Limits["bad"];
  readonly severities: Readonly<Record<AlertLevel, Severity>>;
  readonly actions: readonly AlertAction[];
}

const THRESHOLD = {
  category: "resource_threshold",
  unit: "%",
  bad: "above",
  severities: { warning: "warning", critical: "critical" },
} as const;
const FACT = { unit: "", bad: "above" } as const;
const GPU = { ...THRESHOLD, type: "gpu_threshold", resource: "gpu", actions: ["check_gpu_processes"] } as const;

export const rules = {
  cpu: {
    ...THRESHOLD,
    type: "cpu_threshold",
    resource: "cpu",
    title: "CPU Usage",
    subject: "CPU usage",
    actions: ["check_processes"],
  },
  memory: {
    ...THRESHOLD,
    type: "memory_threshold",
    resource: "memory",
    title: "Memory Usage",
    subject: "Memory usage",
    actions: ["check_processes", "restart_services"],
  },
  disk: {
    ...THRESHOLD,
    type: "disk_threshold",
    resource: "disk",
    title: "Disk Usage",
    subject: "Disk usage",
    actions: ["cleanup_temp_files", "archive_logs"],
  },
  inodes: {
    ...THRESHOLD,
    type: "inode_threshold",
    resource: "disk",
    title: "Inode Usage",
    subject: "Inode usage",
    actions: ["cleanup_temp_files", "archive_logs"],
  },
  disk_full: {
    ...THRESHOLD,
    type: "disk_full_predicted",
    resource: "disk",
    title: "Disk Fill Rate",
    subject: "Time until the disk is full",
    unit: "h",
    bad: "below",
    actions: ["cleanup_temp_files", "archive_logs"],
  },
  gpu_usage: { ...GPU, title: "GPU Usage", subject: "usage" },
  gpu_memory: { ...GPU, title: "GPU Memory Usage", subject: "memory usage" },
  gpu_temperature: { ...GPU, title: "GPU Temperature", subject: "temperature", unit: "°C" },
  model_unhealthy: {
    ...FACT,
    type: "model_health_check_failed",
    category: "model_health",
    resource: "deployment",
    title: "Model Health Check",
    subject: "Failed health checks",
    severities: { warning: "error", critical: "critical" },
    actions: ["restart_model", "check_logs"],
  },
  deployment_failed: {
    ...FACT,
    type: "deployment_failed",
    category: "model_health",
    resource: "deployment",
    title: "Deployment",
    subject: "Deployment failures",
    severities: { warning: "error", critical: "critical" },
    actions: ["restart_model", "check_logs"],
  },
  collector_failed: {
    ...FACT,
    type: "collector_failed",
    category: "monitoring",
    resource: "collector",
    title: "Monitoring",
    subject: "Failed readings",
    severities: { warning: "warning", critical: "critical" },
    actions: ["check_logs"],
  },
  download_failed: {
    ...FACT,
    type: "download_failed",
    category: "download",
    resource: "download",
    title: "Download",
    subject: "Failed downloads",
    severities: { warning: "error", critical: "critical" },
    actions: ["check_logs"],
  },
} as const satisfies Record<RuleName, Rule>;

export const ruleNames = Object.keys(rules) as RuleName[];

/** What the state machine needs to know of a rule. */
export function limitsOf(name: RuleName, settings: AlertRuleSettings): Limits {
  return {
    bad: rules[name].bad,
    warning: settings.warning,
    critical: settings.critical,
    hysteresis: settings.hysteresis,
    forMs: settings.for_seconds * 1_000,
    clearMs: settings.clear_seconds * 1_000,
    autoResolve: settings.auto_resolve,
  };
}
