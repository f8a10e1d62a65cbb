import { age } from "../format.ts";
import type { LinkStatus } from "../state/link.ts";
import { usePage } from "./page-context.ts";

const LABELS: Record<LinkStatus, string> = {
  connecting: "Connecting…",
  live: "Live",
  stale: "Stale",
  reconnecting: "Reconnecting…",
  unauthorized: "Token needed",
};

/** How the page stands with the server, and how old the figures are that it shows. */
export function ConnectionPill() {
  const { status, resources, now } = usePage();
  const { receivedAt } = resources.value;
  const sampleAge = receivedAt === undefined ? undefined : Math.max(0, now.value - receivedAt);
  return (
    <p class="pill" data-status={status.value} title="Connection to the server, and the age of the last sample">
      <span class="dot" aria-hidden="true" />
      <span>{LABELS[status.value]}</span>
      {sampleAge !== undefined && <span class="pill-age">{age(sampleAge)}</span>}
    </p>
  );
}
