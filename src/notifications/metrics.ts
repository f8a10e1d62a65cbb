import type { Notifications } from "./notifications.ts";

/** What Prometheus is shown of notifications: one label with three values, so that no channel's name becomes a series. */
export function notificationMetrics(notifications: Pick<Notifications, "counts" | "queued">) {
  return [
    {
      name: "llm_manager_notification_deliveries_total",
      help: "Attempts to deliver a message to a channel: taken, to be tried again, or given up",
      type: "counter" as const,
      labels: ["outcome"],
      read: () => Object.entries(notifications.counts).map(([outcome, value]) => ({ labels: { outcome }, value })),
    },
    {
      name: "llm_manager_notifications_queued",
      help: "Notifications that wait to be delivered",
      read: () => notifications.queued,
    },
  ];
}
