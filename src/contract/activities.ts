import { z } from "@hono/zod-openapi";
import { activityId, freeObject, severity, timestamp } from "./primitives.ts";

export const activityType = z.enum([
  "model_deployment",
  "model_health_check",
  "system_resource_threshold",
  "download_task",
  "user_operation",
]);
export type ActivityType = z.infer<typeof activityType>;

export const activity = z
  .object({
    id: activityId,
    activity_type: activityType,
    message: z.string(),
    severity,
    /** What the activity is about, e.g. `deployment` and `dep-123`. */
    resource_type: z.string().nullable(),
    resource_id: z.string().nullable(),
    created_at: timestamp,
    extra_data: freeObject,
  })
  .openapi("Activity");
export type Activity = z.infer<typeof activity>;

/** Bytes of `extra_data` as JSON; an activity is a line in a history, not a document store. */
export const EXTRA_DATA_LIMIT = 16_384;

export const createActivity = z
  .strictObject({
    activity_type: activityType.default("user_operation"),
    message: z.string().trim().min(1, "must not be empty").max(2000, "must be at most 2000 characters"),
    severity: severity.default("info"),
    resource_type: z.string().min(1).max(64).nullable().default(null),
    resource_id: z.string().min(1).max(256).nullable().default(null),
    extra_data: freeObject
      .refine((value) => JSON.stringify(value).length <= EXTRA_DATA_LIMIT, "must be at most 16384 characters as JSON")
      .default({}),
  })
  .openapi("CreateActivity");
export type CreateActivity = z.infer<typeof createActivity>;
