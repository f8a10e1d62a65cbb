import type { EngineMetrics } from "../contract/index.ts";
import type { Instance } from "./drivers/driver.ts";
import { estimatedCompletion } from "./loading/estimate.ts";
import { LOADING } from "./loading/log-progress.ts";
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
  // How far an image is pulled, or what comes after loading, says nothing of the whole.
  const percent = progress?.step === LOADING ? progress.percent : null;
  const start = { startedAt: startedAt ?? now, now, medianMs, percent };
  return { metrics, progress, completionAt: estimatedCompletion(start) };
}
