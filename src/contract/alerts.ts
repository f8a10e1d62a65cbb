import { z } from "@hono/zod-openapi";
import { alertId, severity, timestamp } from "./primitives.ts";

export const alertType = z.enum([
  "cpu_threshold",
  "memory_threshold",
  "disk_threshold",
  "gpu_threshold",
  "model_health_check_failed",
]);
export type AlertType = z.infer<typeof alertType>;

/** The family of an alert's type. */
export const alertCategory = z.enum(["resource_threshold", "model_health"]);

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

export const alert = z
  .object({
    alert_id: alertId,
    type: alertType,
    category: alertCategory,
    severity,
    title: z.string(),
    message: z.string(),
    resource: z.object({
      /** `cpu`, `memory`, `disk`, `gpu` or `deployment`. */
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
  })
  .openapi("Alert");
export type Alert = z.infer<typeof alert>;
