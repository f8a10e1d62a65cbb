import { z } from "zod";

/** What can be set about a rule. Thresholds and the hysteresis are in the rule's own unit. */
export interface AlertRuleSettings {
  readonly enabled: boolean;
  readonly warning: number;
  readonly critical: number;
  /** A level ends only this far on the good side of its threshold, so that a value swinging around it says nothing new. */
  readonly hysteresis: number;
  /** How long a value has to be beyond a threshold until that counts; 0 means the first sample. */
  readonly for_seconds: number;
  /** How long it has to be back until the level ends; 0 means the first sample. */
  readonly clear_seconds: number;
  /** Whether recovery closes the alert; otherwise it stays until somebody resolves it. */
  readonly auto_resolve: boolean;
}

const AT_ONCE = { enabled: true, for_seconds: 0, clear_seconds: 0, auto_resolve: true };
const PERCENT = { ...AT_ONCE, warning: 80, critical: 90, hysteresis: 5 };
/** It is so or it is not: 1 when something is wrong, 2 when it is worse than that. */
const FACT = { ...AT_ONCE, warning: 1, critical: 2, hysteresis: 0 };

/** The rules as they are shipped. 80, 90, 5 and the waits are rulings of the project; the reasons stand with the others. */
export const shippedAlertRules = {
  // A burst of work is normal for a processor, and so is a pause in it.
  cpu: { ...PERCENT, for_seconds: 10, clear_seconds: 10 },
  memory: PERCENT,
  disk: PERCENT,
  inodes: PERCENT,
  // Hours. What fills within a working day needs somebody today; two days of room are no longer news. The forecast goes
  // up and down with what is being written, so it has to last.
  disk_full: { ...AT_ONCE, warning: 8, critical: 1, hysteresis: 40, for_seconds: 300, clear_seconds: 300 },
  // An inference box is busy by design: only what lasts is worth telling.
  gpu_usage: { ...PERCENT, for_seconds: 300, clear_seconds: 60 },
  // vLLM reserves 0.92 of a GPU's memory by default, TensorRT-LLM 0.9; 97 leaves room above both.
  gpu_memory: { ...PERCENT, warning: 97, critical: 99, for_seconds: 300, clear_seconds: 60 },
  // What `nvidia-smi -q -d TEMPERATURE` reports as maximum operating, slowdown and shutdown temperature: 87, 89 and 92
  // on an H100, 93, 95 and 98 on an RTX 3060 Ti. Desktop cards hold 83 to 84 under load by design, laptop parts up to
  // 87. So 85 is above the first, and 88 is between "too hot" and "slows down" of the most sensitive.
  gpu_temperature: { ...PERCENT, warning: 85, critical: 88 },
  model_unhealthy: FACT,
  deployment_failed: FACT,
  // Not longer than the 10 s after which the values that are missing make their own alerts stale.
  collector_failed: { ...FACT, for_seconds: 10, clear_seconds: 10 },
  download_failed: FACT,
} as const satisfies Readonly<Record<string, AlertRuleSettings>>;

export type AlertRuleName = keyof typeof shippedAlertRules;
export type AlertRules = Readonly<Record<AlertRuleName, AlertRuleSettings>>;

/** A year: what is to last longer is no alert. */
const MOST_SECONDS = 31_536_000;

const figure = z
  .number({ error: "must be a number" })
  .min(0, "must be at least 0")
  .max(1_000_000, "must be at most 1000000");
const seconds = z
  .number({ error: "must be a number of seconds" })
  .min(0, "must be at least 0")
  .max(MOST_SECONDS, `must be at most ${MOST_SECONDS}`);
const flag = z.boolean({ error: "must be true or false" });
const fields = {
  enabled: flag.optional(),
  warning: figure.optional(),
  critical: figure.optional(),
  hysteresis: figure.optional(),
  for_seconds: seconds.optional(),
  clear_seconds: seconds.optional(),
  auto_resolve: flag.optional(),
};
const keys = Object.keys(fields);

/**
 * The rules in force: those that are shipped, changed by the tables of the config file.
 *
 * @param tables the `alerts` table of the config file, as it was read.
 * @returns the rules, or one line that names the table, the key and what is allowed.
 */
export function alertRulesOf(tables: unknown): AlertRules | string {
  const parsed = z
    .strictObject({ rules: z.record(z.string(), z.record(z.string(), z.unknown())).optional() })
    .safeParse(tables ?? {});
  if (!parsed.success) return "alerts must hold tables such as [alerts.rules.memory], or be on or off";
  const rules: Record<AlertRuleName, AlertRuleSettings> = { ...shippedAlertRules };
  for (const [name, table] of Object.entries(parsed.data.rules ?? {})) {
    if (!isRuleName(name)) return `alerts.rules.${name} is no rule; there are ${Object.keys(rules).join(", ")}`;
    const unknown = Object.keys(table).find((key) => !keys.includes(key));
    if (unknown !== undefined) return `alerts.rules.${name}.${unknown} is not known; a rule has ${keys.join(", ")}`;
    const given = z.strictObject(fields).safeParse(table);
    if (!given.success) {
      const [issue] = given.error.issues;
      return `alerts.rules.${name}.${issue?.path.join(".")} ${issue?.message}`;
    }
    const changes = Object.fromEntries(Object.entries(given.data).filter(([, value]) => value !== undefined));
    const rule: AlertRuleSettings = { ...rules[name], ...changes };
    const below = shippedAlertRules[name].critical < shippedAlertRules[name].warning;
    if (below ? rule.critical > rule.warning : rule.critical < rule.warning) {
      return `alerts.rules.${name}.critical is ${rule.critical}, but it must be at ${below ? "most" : "least"} warning, ${rule.warning}`;
    }
    rules[name] = rule;
  }
  return rules;
}

function isRuleName(name: string): name is AlertRuleName {
  return Object.hasOwn(shippedAlertRules, name);
}
