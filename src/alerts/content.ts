import type { AlertRuleSettings } from "../config/alert-rules.ts";
import type { Alert } from "../contract/index.ts";
import type { AlertLevel } from "./alert-state.ts";
import type { Rule } from "./rules.ts";
import type { Transition } from "./step.ts";

/** What an alert says; the rest of it is its identity and its life. */
export type AlertContent = Pick<Alert, "type" | "category" | "severity" | "title" | "message" | "resource" | "actions">;

/** What a value says at a transition: `level` is null when it is well again. */
export type Says = (at: {
  readonly kind: Transition["kind"];
  readonly level: AlertLevel | null;
  readonly value: number;
  readonly settings: AlertRuleSettings;
  /** The open alert; undefined when there is none. */
  readonly previous: Alert | undefined;
}) => AlertContent;

const VERBS = {
  opened: "reached",
  reopened: "reached",
  escalated: "reached",
  deescalated: "fell to",
  resolved: "is back to",
  flapping: "reached",
  settled: "stays at",
  stale: "was last",
  fresh: "is",
} as const satisfies Record<Transition["kind"], string>;

/** What a value says that has thresholds. `gpu` is the id of the one it is about. */
export function thresholdSays(rule: Rule, gpu?: string): Says {
  const subject = gpu === undefined ? rule.subject : `GPU ${gpu} ${rule.subject}`;
  return ({ kind, level, value, settings, previous }) => {
    const grave = level === "critical" ? "Critical" : rule.bad === "above" ? "High" : "Warning:";
    return {
      type: rule.type,
      category: rule.category,
      severity: level === null ? "info" : rule.severities[level],
      title: level === null ? `${rule.title} Resolved` : `${grave} ${rule.title}`,
      message: `${subject} ${VERBS[kind]} ${shown(value, rule.unit)}`,
      resource: {
        type: rule.resource,
        ...(gpu !== undefined && { id: gpu }),
        current_value: value,
        threshold: level === null ? (previous?.resource.threshold ?? settings.warning) : settings[level],
        unit: rule.unit,
      },
      actions: level === null ? [] : [...rule.actions],
    };
  };
}

/** What is said of something that is so or not. */
export function factSays(
  rule: Rule,
  fact: {
    readonly resource: Alert["resource"];
    /** Where it is so: what and why. */
    readonly title: string;
    readonly message: string;
    /** Where it is over. */
    readonly overTitle: string;
    readonly overMessage: string;
  },
): Says {
  return ({ level }) => ({
    type: rule.type,
    category: rule.category,
    severity: level === null ? "info" : rule.severities[level],
    title: level === null ? fact.overTitle : fact.title,
    message: level === null ? fact.overMessage : fact.message,
    resource: fact.resource,
    actions: level === null ? [] : [...rule.actions],
  });
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

/** What is said at a transition that is not about the value, but about what is known of it; undefined for the others. */
export function lifeContent(rule: Rule, alert: Alert, { kind, reason }: Transition): AlertContent | undefined {
  const of = nameOf(rule, alert);
  const last = `its last value, ${shown(alert.resource.current_value, alert.resource.unit)}, was not back to normal`;
  if (kind === "stale") {
    return { ...contentOf(alert), title: `${of} Is Not Reported`, message: `No values come any more; ${last}` };
  }
  if (kind === "flapping") {
    const message = `It keeps coming and going; nothing more is told until it stays one way for 15 minutes, or gets worse`;
    return { ...contentOf(alert), title: `${of} Is Flapping`, message };
  }
  if (reason === "no_data") {
    return endedContent(alert, `${of} Monitoring Lost`, `There have been no values for 10 minutes; ${last}`);
  }
  if (reason === "missing") {
    const instance = alert.resource.id === undefined ? of : `${rule.resource.toUpperCase()} ${alert.resource.id}`;
    return endedContent(
      alert,
      `${instance} Is Not Reported`,
      `${instance} has not been reported for 60 seconds; ${last}`,
    );
  }
  if (reason === "rule_changed") {
    return endedContent(
      alert,
      `${of} Rule Changed`,
      "The rule was changed; the value is no longer beyond its threshold",
    );
  }
  return undefined;
}

/** The part of an alert that says what is wrong. */
export function contentOf(alert: Alert): AlertContent {
  const { type, category, severity, title, message, resource, actions } = alert;
  return { type, category, severity, title, message, resource, actions };
}

/** What it is about, as in a title. */
export function nameOf(rule: Rule, { resource }: Alert): string {
  return rule.resource === "gpu" && resource.id !== undefined
    ? rule.title.replace("GPU", `GPU ${resource.id}`)
    : rule.title;
}

function shown(value: number, unit: string): string {
  if (unit === "") return String(value);
  return unit === "%" ? `${value.toFixed(1)}%` : `${value.toFixed(1)} ${unit}`;
}
