import type { EngineMetrics } from "../contract/index.ts";
import type { Instance } from "./drivers/driver.ts";
import { estimatedCompletion } from "./loading/estimate.ts";
import type { DeploymentRecord } from "./record.ts";
import type { Run } from "./run.ts";

/** What is known of a run only while it is watched. */
export interface Seen {
  readonly metrics: EngineMetrics | null;
  /** Of a start. */
  readonly progress: NonNullable<Instance["progress"]> | null;
  /** When a start will be over, milliseconds since the epoch. */
  readonly completionAt: number | null;
}

/** @param medianMs how long its starts took before. */
export function seenOf(
  { status, startedAt }: DeploymentRecord,
  run: Pick<Run, "metrics" | "progress"> | undefined,
  medianMs: number | undefined,
  now: number,
): Seen {
  const metrics = status === "running" ? (run?.metrics ?? null) : null;
  if (status !== "deploying") return { metrics, progress: null, completionAt: null };
  const progress = run?.progress ?? null;
  const start = { startedAt: startedAt ?? now, now, medianMs, percent: progress?.percent ?? null };
  return { metrics, progress, completionAt: estimatedCompletion(start) };
}
