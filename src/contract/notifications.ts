import { z } from "@hono/zod-openapi";
import { channelEvent, channelName } from "./channels.ts";
import { alertId, notificationId, severity, timestamp } from "./primitives.ts";

/**
 * `pending` until the receiver took it; `dead` when it refused for good or did not for a day; `dropped` when there was
 * no point any more in telling it.
 */
export const notificationState = z.enum(["pending", "sent", "dropped", "dead"]).openapi("NotificationState");
export type NotificationState = z.infer<typeof notificationState>;

export const notificationEvent = z.enum([...channelEvent.options, "reminder"]);
export type NotificationEvent = z.infer<typeof notificationEvent>;

/** Something that one channel is told of one alert, and what became of it. */
export const notification = z
  .object({
    notification_id: notificationId,
    channel: channelName,
    alert_id: alertId,
    event: notificationEvent,
    severity,
    title: z.string(),
    message: z.string(),
    state: notificationState,
    /** The message it is part of, the same with each attempt: `webhook-id`, and in an e-mail's `Message-ID`. */
    message_id: z.string().nullable(),
    attempts: z.number().int(),
    /** Why the last attempt failed, or why it was dropped. */
    reason: z.string().nullable(),
    happened_at: timestamp,
    next_attempt_at: timestamp.nullable(),
    sent_at: timestamp.nullable(),
  })
  .openapi("Notification");
export type Notification = z.infer<typeof notification>;
