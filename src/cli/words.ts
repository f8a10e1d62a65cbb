import type { Role, Scope } from "../contract/access.ts";
import type { ActivityType } from "../contract/activities.ts";
import type { AlertRuleName, AlertState, AlertType } from "../contract/alerts.ts";
import type { DeploymentStatus, RestartPolicy } from "../contract/deployments.ts";
import type { Severity } from "../contract/primitives.ts";
import type { StreamName } from "../contract/streams.ts";

/**
 * The contract's words that options take. Written here again, and checked against the contract, so that `--help` can
 * list them without loading a schema.
 */
export const severities = ["info", "warning", "error", "critical"] as const satisfies readonly Severity[];

export const activityTypes = [
  "model_deployment",
  "model_health_check",
  "system_resource_threshold",
  "download_task",
  "user_operation",
] as const satisfies readonly ActivityType[];

export const alertStates = ["firing", "acknowledged", "resolved"] as const satisfies readonly AlertState[];

export const alertTypes = [
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
] as const satisfies readonly AlertType[];

export const alertRuleNames = [
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
] as const satisfies readonly AlertRuleName[];

export const deploymentStatuses = [
  "pending",
  "deploying",
  "running",
  "stopped",
  "failed",
] as const satisfies readonly DeploymentStatus[];

export const restartPolicies = ["always", "on-failure", "never"] as const satisfies readonly RestartPolicy[];

export const streamTitles = {
  system_resources: "resources",
  model_status: "status",
  activity_stream: "activity",
  system_alerts: "alert",
  deployment_events: "deployment",
} as const satisfies Record<StreamName, string>;

export const roles = ["viewer", "operator", "admin"] as const satisfies readonly Role[];

export const scopes = [
  "read:resources",
  "read:models",
  "read:activities",
  "read:alerts",
  "read:deployments",
  "read:logs",
  "write:models",
  "write:deployments",
  "write:alerts",
  "write:activities",
  "admin",
] as const satisfies readonly Scope[];
