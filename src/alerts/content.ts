import type { Alert } from "../contract/index.ts";
import type { DeploymentHealth } from "../store/bus.ts";
import { MODEL_ACTIONS, rules } from "./rules.ts";
import type { Sample } from "./samples.ts";
import type { Transition } from "./step.ts";

/** What an alert says; the rest of it is its identity and its life. */
export type AlertContent = Omit<
  Alert,
  "alert_id" | "state" | "auto_resolve" | "created_at" | "updated_at" | "resolved_at"
>;

const VERBS = {
  opened: "reached",
  escalated: "reached",
  deescalated: "fell to",
  resolved: "is back to",
} as const satisfies Record<Transition["kind"], string>;

/** What a value that crossed a threshold says. `previous` is the open alert, which a resolution is about. */
export function thresholdContent(sample: Sample, transition: Transition, previous: Alert | undefined): AlertContent {
  const rule = rules[sample.metric];
  const { kind, level, value } = transition;
  const subject = sample.gpu === undefined ? rule.subject : `GPU ${sample.gpu} ${rule.subject}`;
  const shown = rule.unit === "%" ? `${value.toFixed(1)}%` : `${value.toFixed(1)} ${rule.unit}`;
  return {
    type: rule.type,
    category: "resource_threshold",
    severity: level ?? "info",
    title: level === null ? `${rule.title} Resolved` : `${level === "critical" ? "Critical" : "High"} ${rule.title}`,
    message: `${subject} ${VERBS[kind]} ${shown}`,
    resource: {
      type: rule.resource,
      ...(sample.gpu !== undefined && { id: sample.gpu }),
      current_value: value,
      threshold: level === null ? (previous?.resource.threshold ?? rule.warning) : rule[level],
      unit: rule.unit,
    },
    actions: level === null ? [] : [...rule.actions],
  };
}

/** What a deployment that fails its health checks says. */
export function unhealthyContent({ deploymentId, name, failures, threshold, reason }: DeploymentHealth): AlertContent {
  const checks = failures === 1 ? "a health check" : `${failures} health checks in a row`;
  return {
    type: "model_health_check_failed",
    category: "model_health",
    severity: "error",
    title: "Model Health Check Failed",
    message: `Model ${name} failed ${checks}${reason === null ? "" : `: ${reason}`}`,
    resource: { type: "deployment", id: deploymentId, current_value: failures, threshold, unit: "failures" },
    actions: [...MODEL_ACTIONS],
  };
}

/** What the end of an alert says, where it is not a value that ends it. */
export function endedContent(alert: Alert, title: string, message: string, currentValue?: number): AlertContent {
  const { type, category, resource } = alert;
  return {
    type,
    category,
    severity: "info",
    title,
    message,
    resource: { ...resource, current_value: currentValue ?? resource.current_value },
    actions: [],
  };
}
