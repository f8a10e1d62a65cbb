import { z } from "@hono/zod-openapi";
import { alertId, severity, silenceId, timestamp } from "./primitives.ts";

export const alertType = z.enum([
  "cpu_threshold",
  "memory_threshold",
  "disk_threshold",
  "inode_threshold",
  "disk_full_predicted",
  "gpu_threshold",
  "model_health_check_failed",
  "deployment_failed",
  "collector_failed",
  "download_failed",
]);
export type AlertType = z.infer<typeof alertType>;

/** The family of an alert's type. */
export const alertCategory = z.enum(["resource_threshold", "model_health", "monitoring", "download"]);
export type AlertCategory = z.infer<typeof alertCategory>;

export const alertState = z.enum(["firing", "acknowledged", "resolved"]);
export type AlertState = z.infer<typeof alertState>;

export const alertAction = z.enum([
  "check_processes",
  "restart_services",
  "cleanup_temp_files",
  "archive_logs",
  "restart_model",
  "check_logs",
  "check_gpu_processes",
]);
export type AlertAction = z.infer<typeof alertAction>;

/**
 * Why an alert was resolved. Only `recovered` says that all is well again: with `no_data` and `missing` nothing is known
 * any more, with `rule_changed` it is no longer looked for, `stopped` is a deployment's, `manual` a person's doing.
 */
export const resolutionReason = z.enum(["recovered", "manual", "no_data", "missing", "rule_changed", "stopped"]);
export type ResolutionReason = z.infer<typeof resolutionReason>;

/** Which rule an alert comes from, and what `/api/v1/alert-rules/:name` is called. */
export const alertRuleName = z.enum([
  "cpu",
  "memory",
  "disk",
  "inodes",
  "disk_full",
  "gpu_usage",
  "gpu_memory",
  "gpu_temperature",
  "model_unhealthy",
  "deployment_failed",
  "collector_failed",
  "download_failed",
]);
export type AlertRuleName = z.infer<typeof alertRuleName>;

export const alert = z
  .object({
    alert_id: alertId,
    type: alertType,
    category: alertCategory,
    severity,
    title: z.string(),
    message: z.string(),
    resource: z.object({
      /** `cpu`, `memory`, `disk`, `gpu`, `deployment`, `collector` or `download`. */
      type: z.string(),
      /** Which one, where there are several: a GPU's or a deployment's id. */
      id: z.string().optional(),
      current_value: z.number(),
      /** The threshold that was crossed. */
      threshold: z.number(),
      unit: z.string(),
    }),
    actions: z.array(alertAction),
    /** Whether recovery closes the alert by itself. */
    auto_resolve: z.boolean(),
    state: alertState,
    created_at: timestamp,
    updated_at: timestamp,
    resolved_at: timestamp.nullable(),
    /** Names the resource instance: `memory`, `gpu:<uuid>:temperature`. At most one alert of a key is open. */
    key: z.string().optional(),
    rule: alertRuleName.optional(),
    /** When it opened last: later than `created_at` for one that came back soon after its end, and so is the same. */
    opened_at: timestamp.optional(),
    /** The value it opened with, and the worst one since. */
    opened_value: z.number().optional(),
    peak_value: z.number().optional(),
    /** Seconds the value had to last. */
    for_seconds: z.number().optional(),
    /** How often it came back. */
    reopened: z.number().int().optional(),
    /** It keeps opening and ending, and is held open until that stops. */
    flapping: z.boolean().optional(),
    /** No values come any more, so that it is not known whether it still holds. */
    stale: z.boolean().optional(),
    /** Nobody is told of it now. */
    silenced: z.boolean().optional(),
    acknowledged_at: timestamp.optional(),
    /** Who; null where the server knows nobody by name. */
    acknowledged_by: z.string().nullable().optional(),
    acknowledgement_comment: z.string().nullable().optional(),
    /** Why it was resolved and, when that was by hand, by whom. */
    resolution: z
      .object({ reason: resolutionReason, by: z.string().nullable(), comment: z.string().nullable() })
      .nullable()
      .optional(),
  })
  .openapi("Alert");
export type Alert = z.infer<typeof alert>;

const comment = z.string().trim().max(1_000, "must be at most 1000 characters");

/** What acknowledging, or resolving, an alert takes. */
export const alertComment = z.strictObject({ comment: comment.nullable().default(null) }).openapi("AlertComment");
export type AlertComment = z.infer<typeof alertComment>;

/** `*` stands for any text. */
const pattern = z
  .string()
  .min(1, "must not be empty")
  .max(256, "must be at most 256 characters")
  .openapi({ example: "gpu:*" });

const matchers = {
  /** Against the alert's `key`. */
  key: pattern.nullable(),
  /** Against its type. */
  type: pattern.nullable(),
  /** Against its resource: `disk`, or `deployment:dep-3` where there are several. */
  resource: pattern.nullable(),
};

/** Nobody is told of alerts that match everything that is given here; they open, change and end all the same. */
export const silence = z
  .object({
    silence_id: silenceId,
    ...matchers,
    until: timestamp,
    comment: z.string().nullable(),
    created_by: z.string().nullable(),
    created_at: timestamp,
  })
  .openapi("Silence");
export type Silence = z.infer<typeof silence>;

export const createSilence = z
  .strictObject({
    key: matchers.key.default(null),
    type: matchers.type.default(null),
    resource: matchers.resource.default(null),
    until: timestamp,
    comment: comment.nullable().default(null),
  })
  .refine(({ key, type, resource }) => key !== null || type !== null || resource !== null, {
    message: "one of key, type and resource is needed; `*` matches everything",
    path: ["key"],
  })
  .openapi("CreateSilence");
export type CreateSilence = z.infer<typeof createSilence>;

const figure = z.number().min(0, "must be at least 0").max(1_000_000, "must be at most 1000000");
/** At most a year: what is to last longer is no alert. */
const seconds = z.number().min(0, "must be at least 0").max(31_536_000, "must be at most 31536000");
const ruleSettings = {
  enabled: z.boolean(),
  /** In the rule's unit. */
  warning: figure,
  critical: figure,
  /** How far on the good side of a threshold a level ends. */
  hysteresis: figure,
  /** How long a value has to be beyond a threshold; 0 means the first sample. */
  for_seconds: seconds,
  /** How long it has to be back; 0 means the first sample. */
  clear_seconds: seconds,
  auto_resolve: z.boolean(),
};
const settings = z.object(ruleSettings);
export type AlertRuleSettings = z.infer<typeof settings>;

export const alertRule = z
  .object({
    name: alertRuleName,
    type: alertType,
    /** What its value is, as in a sentence. */
    subject: z.string(),
    /** Empty for what is so (1), badly so (2) or not (0). */
    unit: z.string(),
    /** Whether a value is bad that is above its threshold, or below. */
    bad: z.enum(["above", "below"]),
    ...ruleSettings,
    /** What it says without what was set over the API: the config file's, or the shipped one. */
    configured: settings,
    /** What was set over the API. */
    changed: z.array(z.string()),
  })
  .openapi("AlertRule");
export type AlertRule = z.infer<typeof alertRule>;

/** What is given is set, null takes the configured value again. */
export const updateAlertRule = z
  .strictObject({
    enabled: ruleSettings.enabled.nullable().optional(),
    warning: figure.nullable().optional(),
    critical: figure.nullable().optional(),
    hysteresis: figure.nullable().optional(),
    for_seconds: seconds.nullable().optional(),
    clear_seconds: seconds.nullable().optional(),
    auto_resolve: ruleSettings.auto_resolve.nullable().optional(),
  })
  .openapi("UpdateAlertRule");
export type UpdateAlertRule = z.infer<typeof updateAlertRule>;
