/** Below this a share says little: it may be the time of one shard, or of what comes before the first. */
const LEAST_PERCENT = 5;
/** A start that reads may read more than its model; ready it is only when it answers. */
const MOST_PERCENT = 99;

/** How much of a model is read, in whole percent; null when either size is not known. */
export function percentRead(bytesRead: number, modelBytes: number | null): number | null {
  if (modelBytes === null || modelBytes <= 0 || bytesRead <= 0) return null;
  return Math.min(MOST_PERCENT, Math.floor((bytesRead * 100) / modelBytes));
}

export interface Start {
  /** Milliseconds since the epoch, as is `now`. */
  readonly startedAt: number;
  readonly now: number;
  /** How long this model's starts took before, in milliseconds. */
  readonly medianMs: number | undefined;
  readonly percent: number | null;
}

/**
 * When a start will be over: what history says, giving way to what loading shows the further that is. Null when neither
 * says anything, or only a time that has passed.
 */
export function estimatedCompletion({ startedAt, now, medianMs, percent }: Start): number | null {
  const byHistory = medianMs === undefined ? null : startedAt + medianMs;
  const elapsed = now - startedAt;
  const known = percent !== null && percent >= LEAST_PERCENT && elapsed > 0;
  if (!known) return byHistory !== null && byHistory > now ? byHistory : null;
  const byLoading = startedAt + (elapsed * 100) / percent;
  const share = percent / 100;
  const estimate = byHistory === null ? byLoading : byLoading * share + byHistory * (1 - share);
  return Math.round(Math.max(estimate, now));
}

/** A disk, a network share or a bus that is slow for its kind: reading a model takes no longer than its size by this. */
const SLOW_BYTES_PER_MS = 200_000;

/** How long a start may stand still: a bigger model has longer steps that show nothing, such as its way to the GPU. */
export function idleLimitMs(timeoutMs: number, modelBytes: number | null): number {
  return timeoutMs + Math.round((modelBytes ?? 0) / SLOW_BYTES_PER_MS);
}
