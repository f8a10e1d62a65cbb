import type { HealthCheck, HealthStatus } from "../contract/index.ts";

/** What probes have shown so far: the verdict, and what speaks against it. */
export interface Health {
  readonly status: HealthStatus;
  /** In a row; one of the two is always 0. */
  readonly successes: number;
  readonly failures: number;
}

/** Before the first probe. */
export const UNKNOWN: Health = { status: "unknown", successes: 0, failures: 0 };
/** Right after the probe that ended a start. */
export const HEALTHY: Health = { status: "healthy", successes: 1, failures: 0 };

export type Thresholds = Pick<HealthCheck, "healthy_threshold" | "unhealthy_threshold">;

/**
 * The verdict after one more probe. An unhealthy endpoint needs `healthy_threshold` successes in a row, any other
 * `unhealthy_threshold` failures in a row to change; the first success makes an unknown one healthy.
 */
export function afterProbe(health: Health, passed: boolean, thresholds: Thresholds): Health {
  const successes = passed ? health.successes + 1 : 0;
  const failures = passed ? 0 : health.failures + 1;
  return { status: verdict(health.status, successes, failures, thresholds), successes, failures };
}

function verdict(before: HealthStatus, successes: number, failures: number, thresholds: Thresholds): HealthStatus {
  if (before === "unhealthy") return successes >= thresholds.healthy_threshold ? "healthy" : before;
  if (failures >= thresholds.unhealthy_threshold) return "unhealthy";
  return successes > 0 ? "healthy" : before;
}
