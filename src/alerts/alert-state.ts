import { type Detector, INACTIVE, isActive } from "./detector.ts";

/** How bad a value is: which of the two thresholds it has crossed. */
export type AlertLevel = "warning" | "critical";

/** What is known of one resource instance. Plain data: it is stored, and goes on after a restart where it was. */
export interface AlertState {
  readonly warning: Detector;
  readonly critical: Detector;
  /** What was last told, null when nothing is wrong. Lags behind the detectors while telling fails. */
  readonly told: AlertLevel | null;
  /** What somebody closed by hand although it was still so: not told again until it has been well, or is worse. */
  readonly dismissed: AlertLevel | null;
  /** The newest value; null before the first. */
  readonly value: number | null;
  /** Monotonic milliseconds of the newest step; null when there is none that time can be counted from. */
  readonly steppedAt: number | null;
  /**
   * All time that counted so far: what the other times refer to. Time in which the server did not run or the machine
   * slept is not in it, and a clock that is set does not change it.
   */
  readonly clockMs: number;
  /** How long there has been no value, and how long the instance itself has not been there. */
  readonly missingMs: number;
  readonly absentMs: number;
  /** Whether it was told that values are missing. */
  readonly stale: boolean;
  /** When the last incident ended, on `clockMs`. */
  readonly endedAt: number | null;
  /** When incidents opened and ended lately, on `clockMs`; at most as many as make it flapping. */
  readonly changes: readonly number[];
  readonly flapping: boolean;
  /** How often the incident came back after it had ended. */
  readonly reopens: number;
  /** How long the warning has been where it is. */
  readonly steadyMs: number;
}

/** After so long without values an incident is not known to go on. */
export const LOST_AFTER_MS = 600_000;
/** So much of the past matters to what is flapping. */
export const FLAPPING_WITHIN_MS = 1_200_000;

/** Nothing sampled, nothing wrong. */
export const QUIET: AlertState = {
  warning: INACTIVE,
  critical: INACTIVE,
  told: null,
  dismissed: null,
  value: null,
  steppedAt: null,
  clockMs: 0,
  missingMs: 0,
  absentMs: 0,
  stale: false,
  endedAt: null,
  changes: [],
  flapping: false,
  reopens: 0,
  steadyMs: 0,
};

/** `stored`, taken up in another process: nothing is told again, and the time in between does not count. */
export function resumed(stored: AlertState, downMs: number): AlertState {
  // What was counted is only worth something if it goes on soon.
  const kept = downMs >= 0 && downMs <= LOST_AFTER_MS;
  const held = (detector: Detector) => (kept || detector.phase !== "pending" ? detector : INACTIVE);
  return { ...stored, steppedAt: null, warning: held(stored.warning), critical: held(stored.critical) };
}

/** Whether the state says no more than that nothing is known, so that it need not be kept. */
export function isIdle(state: AlertState): boolean {
  const ended = state.endedAt !== null && state.clockMs - state.endedAt <= FLAPPING_WITHIN_MS;
  return state.told === null && state.dismissed === null && !isActive(state.warning) && !isPending(state) && !ended;
}

function isPending({ warning, critical }: AlertState): boolean {
  return warning.phase === "pending" || critical.phase === "pending";
}
