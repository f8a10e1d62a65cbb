import { z } from "@hono/zod-openapi";

/** ISO 8601 UTC with milliseconds and `Z`. */
export const timestamp = z.iso
  .datetime({ precision: 3, error: "must be ISO 8601 in UTC with milliseconds, like 2025-01-01T12:00:00.000Z" })
  .openapi({ example: "2025-01-01T12:00:00.000Z" });

/** `level` of a percentage: `<70 normal`, `70–<80 high`, `80–<90 warning`, `>=90 critical`. */
export const level = z.enum(["normal", "high", "warning", "critical"]);
export type Level = z.infer<typeof level>;

export function levelOf(percent: number): Level {
  if (percent >= 90) return "critical";
  if (percent >= 80) return "warning";
  if (percent >= 70) return "high";
  return "normal";
}

export const severity = z.enum(["info", "warning", "error", "critical"]);
export type Severity = z.infer<typeof severity>;

/** A percentage from 0 to 100, or null where the machine cannot report it. */
export const percent = z.number().min(0).max(100).nullable();

/** A JSON object whose content the server keeps but does not interpret. */
export const freeObject = z.record(z.string(), z.unknown());

/** The user's own name for a model: the lower-case slug that URLs and events carry. */
export const modelId = z
  .string()
  .regex(
    /^[a-z0-9](?:[a-z0-9._-]{0,126}[a-z0-9])?$/,
    "must be a slug of 1 to 128 lower-case letters, digits, '.', '_' and '-', beginning and ending with a letter or digit",
  )
  .openapi({ example: "llama2-7b" });

/** Numbered ids come from the store and never repeat: `act-456`, `dep-123`, `evt-12`, `alert_789`, `tok-3`. */
export function numberedId(prefix: string) {
  return z
    .string()
    .regex(new RegExp(`^${prefix}[1-9][0-9]{0,14}$`), `must look like ${prefix}123`)
    .openapi({ example: `${prefix}123` });
}

export const activityId = numberedId("act-");
export const deploymentId = numberedId("dep-");
export const deploymentEventId = numberedId("evt-");
export const notificationId = numberedId("ntf-");
export const alertId = numberedId("alert_");
export const silenceId = numberedId("sil-");

/** The number behind a numbered id (`act-456` → 456), or undefined when `id` has another prefix or no number. */
export function idNumber(prefix: string, id: string): number | undefined {
  if (!id.startsWith(prefix)) return undefined;
  const digits = id.slice(prefix.length);
  return /^[1-9][0-9]{0,14}$/.test(digits) ? Number(digits) : undefined;
}
