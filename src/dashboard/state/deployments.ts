import type { Deployment, DeploymentEvent, ModelStatus, ModelStatusEntry } from "../../contract/index.ts";

/** One deployment as the page shows it. */
export interface DeploymentRow extends ModelStatusEntry {
  /** Why it is in trouble; null when it is not, or when the page does not know yet. */
  readonly reason: string | null;
  /** When `uptime_seconds` was true, on this browser's clock, in milliseconds since the epoch. */
  readonly seenAt: number;
}

/** Undefined until the server has told. Oldest first, as the server numbers them. */
export type DeploymentRows = readonly DeploymentRow[] | undefined;

/** A tick of the model status stream: it lists all there are, so what is missing is gone. */
export function statusTicked(rows: DeploymentRows, status: ModelStatus, seenAt: number): DeploymentRows {
  const before = byId(rows);
  return status.models.map((entry) => {
    const old = before.get(entry.deployment_id);
    return { ...entry, reason: old && sameTrouble(old, entry) ? old.reason : null, seenAt };
  });
}

/** The list from the REST API, which knows the reasons. */
export function deploymentsListed(listed: readonly Deployment[], seenAt: number): DeploymentRows {
  return listed.map((deployment) => ({ ...deployment, seenAt }));
}

/** A deployment changed its state; the next tick brings the rest. One the page does not know yet needs the list. */
export function deploymentChanged(rows: DeploymentRows, event: DeploymentEvent, seenAt: number): DeploymentRows {
  return rows?.map((row) => {
    if (row.deployment_id !== event.deployment_id) return row;
    const became = event.status === "running" && row.status !== "running";
    return {
      ...row,
      name: event.details.name,
      port: event.details.port,
      status: event.status,
      // Running means that a probe passed; the next tick tells if that has changed since.
      health_status: became ? "healthy" : event.status === "running" ? row.health_status : "unknown",
      uptime_seconds: became || event.status !== "running" ? 0 : row.uptime_seconds,
      reason: event.details.reason ?? null,
      seenAt: became ? seenAt : row.seenAt,
    };
  });
}

/** Whether the list should be asked for: somebody is in trouble and the page cannot say why. */
export function lacksReason(rows: DeploymentRows): boolean {
  return rows?.some((row) => inTrouble(row) && row.reason === null) ?? false;
}

/** Seconds since it became ready, ticking on from what the server said last; undefined when it is not running. */
export function uptimeSeconds(row: DeploymentRow, now: number): number | undefined {
  return row.status === "running" ? row.uptime_seconds + Math.max(0, now - row.seenAt) / 1000 : undefined;
}

export interface DeploymentCounts {
  readonly total: number;
  readonly running: number;
  readonly starting: number;
  readonly unhealthy: number;
  readonly failed: number;
}

export function countDeployments(rows: readonly DeploymentRow[]): DeploymentCounts {
  const count = (test: (row: DeploymentRow) => boolean) => rows.filter(test).length;
  return {
    total: rows.length,
    running: count((row) => row.status === "running"),
    starting: count((row) => row.status === "pending" || row.status === "deploying"),
    unhealthy: count((row) => row.health_status === "unhealthy"),
    failed: count((row) => row.status === "failed"),
  };
}

function inTrouble(row: ModelStatusEntry): boolean {
  return row.status === "failed" || row.health_status === "unhealthy";
}

function sameTrouble(a: ModelStatusEntry, b: ModelStatusEntry): boolean {
  return a.status === b.status && a.health_status === b.health_status;
}

function byId(rows: DeploymentRows): ReadonlyMap<string, DeploymentRow> {
  return new Map((rows ?? []).map((row) => [row.deployment_id, row]));
}
