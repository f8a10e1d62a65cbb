import { useComputed } from "@preact/signals";
import type { LinkStatus } from "../state/link.ts";
import { usePage } from "./page-context.ts";

const CONNECTION: Partial<Record<LinkStatus, string>> = {
  live: "Connected. Figures are live.",
  stale: "No new figures from the server.",
  reconnecting: "Connection lost. Reconnecting.",
  unauthorized: "The server needs an access token.",
};

/**
 * Tells screen readers what changed and matters: the connection, the worst open alert and activities that are more than
 * information. The figures themselves change every two seconds and are not read out.
 */
export function Announcer() {
  const { status, alerts, feed } = usePage();
  const connection = useComputed(() => CONNECTION[status.value] ?? "");
  const alert = useComputed(() => {
    const worst = alerts.value?.[0];
    return worst ? `${worst.severity} alert: ${worst.title}` : "";
  });
  const activity = useComputed(() => {
    const newest = feed.value?.[0];
    return newest && newest.severity !== "info" ? `${newest.severity}: ${newest.message}` : "";
  });
  return (
    <div class="visually-hidden">
      <p role="status">{connection}</p>
      <p role="status">{alert}</p>
      <p role="status">{activity}</p>
    </div>
  );
}
