import type { deployments } from "../../db/schema.ts";
import { isoTime } from "../clock.ts";
import {
  type CreateDeployment,
  type Deployment,
  type DeploymentStatus,
  deploymentStatus,
  type Failure,
  type HealthCheck,
  type HealthStatus,
  healthCheck,
  healthStatus,
  type ModelStatusEntry,
  type RestartPolicy,
  restartPolicy,
} from "../contract/index.ts";
import type { Instance, Target, Wanted } from "./drivers/driver.ts";
import { storedFailure } from "./failures.ts";
import { fromStored, type Restarts, toStored } from "./restart-policy.ts";
import type { Seen } from "./seen.ts";

type Row = typeof deployments.$inferSelect;

/** A deployment as the server holds it; immutable, replaced by each change once that is committed. */
export interface DeploymentRecord extends Target {
  readonly id: number;
  readonly name: string;
  readonly runtime: string;
  /** Whether `port` was chosen by this server, which may then choose another one. */
  readonly portChosen: boolean;
  readonly check: HealthCheck;
  /** What the user asked for last. */
  readonly desired: "running" | "stopped";
  readonly status: DeploymentStatus;
  readonly health: HealthStatus;
  readonly reason: string | null;
  /** How it failed last, as long as that matters. */
  readonly failure: Failure | null;
  readonly restartPolicy: RestartPolicy;
  /** As it was when it was last stored. */
  readonly restarts: Restarts;
  /** Milliseconds since the epoch, as are all times here. */
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly deployedAt: number | null;
}

/** What changes over a deployment's life. */
export type RecordChange = Partial<
  Pick<
    DeploymentRecord,
    | "desired"
    | "status"
    | "health"
    | "reason"
    | "failure"
    | "updatedAt"
    | "startedAt"
    | "deployedAt"
    | "restarts"
    | "port"
  >
>;

/** What a caller asks of a driver. */
export function wantedOf(input: CreateDeployment): Wanted {
  return {
    modelId: input.model_id,
    host: input.host,
    port: input.port ?? null,
    cpuCores: input.cpu_cores,
    memoryLimit: input.memory_limit,
    gpus: input.gpus,
    contextLength: input.context_length,
    args: input.args,
    env: input.env,
  };
}

/** @throws ZodError when the row holds what this version of the server did not write. */
export function toRecord(row: Row, now: number): DeploymentRecord {
  const { health, healthStatus: lastHealth, status, desired, restarts, crashLoop, failure, ...same } = row;
  return {
    ...same,
    deploymentId: `dep-${row.id}`,
    check: healthCheck.parse(health),
    desired: desired === "stopped" ? "stopped" : "running",
    status: deploymentStatus.parse(status),
    health: healthStatus.parse(lastHealth),
    failure: storedFailure(failure),
    restartPolicy: restartPolicy.parse(row.restartPolicy),
    restarts: fromStored(restarts, crashLoop, now),
  };
}

/** The columns of a change. */
export function toColumns({ health, restarts, ...same }: RecordChange): Partial<typeof deployments.$inferInsert> {
  return {
    ...same,
    ...(health !== undefined && { healthStatus: health }),
    ...(restarts && { restarts: toStored(restarts), crashLoop: restarts.crashLoop }),
  };
}

/** `DeploymentRecord` as the API shows it, with what is known of its run while there is one. */
export function toDeployment(
  record: DeploymentRecord,
  run: Pick<Instance, "pid" | "containerId" | "warnings"> | undefined,
  warning: string | undefined,
  seen: Seen,
  modelSource: string,
  now: number,
): Deployment {
  return {
    ...toStatusEntry(record, seen, modelSource, now),
    runtime: record.runtime,
    gpus: record.gpus === null ? null : [...record.gpus],
    context_length: record.contextLength,
    args: [...record.args],
    env: { ...record.env },
    health: record.check,
    reason: record.reason,
    failure: record.failure,
    pid: run?.pid ?? null,
    container_id: run?.containerId ?? null,
    warnings: [...(warning === undefined ? [] : [warning]), ...(run?.warnings ?? [])],
    restart_policy: record.restartPolicy,
    ...restartsOf(record),
    ...shownOf(seen),
    updated_at: isoTime(record.updatedAt),
  };
}

/** `DeploymentRecord` as `model_status_update` shows it. */
export function toStatusEntry(
  record: DeploymentRecord,
  seen: Seen,
  modelSource: string,
  now: number,
): ModelStatusEntry {
  return {
    deployment_id: record.deploymentId,
    model_id: record.modelId,
    name: record.name,
    status: record.status,
    health_status: record.health,
    uptime_seconds: uptimeSeconds(record, now),
    port: record.port,
    host: record.host,
    model_source: modelSource,
    cpu_cores: record.cpuCores,
    memory_limit: record.memoryLimit,
    created_at: isoTime(record.createdAt),
    deployed_at: record.deployedAt === null ? null : isoTime(record.deployedAt),
    runtime: record.runtime,
    ...restartsOf(record),
    ...shownOf(seen),
  };
}

function shownOf({ metrics, progress, completionAt }: Seen) {
  return {
    metrics,
    progress,
    estimated_completion: completionAt === null ? null : isoTime(completionAt),
  };
}

function restartsOf({ restarts }: DeploymentRecord) {
  return {
    restart_count: restarts.count,
    crash_loop: restarts.crashLoop,
    next_restart_at: restarts.nextAt === null ? null : isoTime(restarts.nextAt),
  };
}

/** From `deployed_at`, so a restart of this server does not reset it; never negative when the clock is set back. */
function uptimeSeconds({ status, deployedAt }: DeploymentRecord, now: number): number {
  if (status !== "running" || deployedAt === null) return 0;
  return Math.max(0, Math.floor((now - deployedAt) / 1000));
}
