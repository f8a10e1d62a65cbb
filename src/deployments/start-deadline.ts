/** However much it progresses, a start that takes longer than this has failed: 30 minutes, the decided hard cap. */
const HARD_CAP_MS = 30 * 60_000;

/** How long a start has been going on, as far as this server saw it. Milliseconds. */
export interface StartDeadline {
  /** Monotonic time of the last look. */
  readonly seenAt: number;
  readonly sinceProgressMs: number;
  readonly totalMs: number;
}

export interface StartLimits {
  /** A start without progress for this long has failed. */
  readonly idleMs: number;
  /**
   * The longest time between two looks that is believed. When more has passed, the server itself was stopped or the
   * machine slept, and that is not held against the engine.
   */
  readonly maxGapMs: number;
}

export function beginStart(now: number): StartDeadline {
  return { seenAt: now, sinceProgressMs: 0, totalMs: 0 };
}

/** The deadline after a look at `now` that did or did not find progress. */
export function afterLook(
  deadline: StartDeadline,
  now: number,
  progressed: boolean,
  limits: StartLimits,
): StartDeadline {
  const passed = Math.min(Math.max(0, now - deadline.seenAt), limits.maxGapMs);
  return {
    seenAt: now,
    sinceProgressMs: progressed ? 0 : deadline.sinceProgressMs + passed,
    totalMs: deadline.totalMs + passed,
  };
}

/** Milliseconds until the start has failed if nothing moves; 0 when it has. */
export function remainingMs(deadline: StartDeadline, limits: StartLimits): number {
  return Math.max(0, Math.min(limits.idleMs - deadline.sinceProgressMs, HARD_CAP_MS - deadline.totalMs));
}

/** Why the time is up, for people; undefined while there is some left. */
export function expiry(deadline: StartDeadline, limits: StartLimits): string | undefined {
  if (deadline.totalMs >= HARD_CAP_MS) return `not ready after ${HARD_CAP_MS / 60_000} minutes`;
  if (deadline.sinceProgressMs >= limits.idleMs) return `no progress for ${limits.idleMs / 1000} s`;
  return undefined;
}
