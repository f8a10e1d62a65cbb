import { streams } from "../contract/index.ts";

/** How bad a value is: which of the two thresholds it has crossed. */
export type AlertLevel = "warning" | "critical";

/** What a rule says about a value, in the value's own unit. */
export interface Limits {
  readonly warning: number;
  readonly critical: number;
  /** A level ends only below its threshold minus this, so that a value swinging around a threshold says nothing new. */
  readonly hysteresis: number;
  /** How long a value has to be at or above a threshold, in milliseconds; 0 means the first sample. */
  readonly forMs: number;
}

/**
 * One threshold's side of the story.
 *
 * ```text
 *              x >= threshold              held for forMs
 *   inactive ──────────────────► pending ─────────────────► firing
 *       ▲                           │                          │
 *       └─────────── x < threshold − hysteresis ───────────────┘
 * ```
 *
 * In between, where `x` is neither, each stays what it is; a pending one keeps what it has counted without counting on.
 */
type Detector =
  | { readonly phase: "inactive" }
  | { readonly phase: "pending"; readonly heldMs: number }
  | { readonly phase: "firing" };

/** What is known of one resource instance. Plain data: it can be stored. */
export interface AlertState {
  readonly warning: Detector;
  readonly critical: Detector;
  /** What was last told, null when nothing is wrong. Lags behind the detectors while telling fails. */
  readonly told: AlertLevel | null;
  /** Monotonic milliseconds of the newest sample; null when there is none that time can be counted from. */
  readonly sampledAt: number | null;
}

export interface Transition {
  readonly kind: "opened" | "escalated" | "deescalated" | "resolved";
  /** The level from now on; null for `resolved`. */
  readonly level: AlertLevel | null;
  /** The sample that caused it. */
  readonly value: number;
}

/** A gap longer than this (a stall, a suspended machine) is not time in which anything is known to have lasted. */
const MAX_GAP_MS = 5 * streams.system_resources.intervalMs;

const INACTIVE: Detector = { phase: "inactive" };
const FIRING: Detector = { phase: "firing" };

/** Nothing sampled, nothing wrong. */
export const QUIET: AlertState = { warning: INACTIVE, critical: INACTIVE, told: null, sampledAt: null };

/** The state of an incident that is open since before this process: nothing is told again, and time starts anew. */
export function reopened(level: AlertLevel): AlertState {
  return { warning: FIRING, critical: level === "critical" ? FIRING : INACTIVE, told: level, sampledAt: null };
}

/**
 * The state after one more sample, and what there is to tell about it: at most one transition, from what was told last
 * to what is true now, whatever lies between. So 50 → 95 opens at critical and 95 → 50 resolves.
 *
 * @param sample null, undefined and NaN are no sample: they change no level and end the time that is being counted.
 * @param now monotonic milliseconds.
 */
export function step(
  limits: Limits,
  state: AlertState,
  sample: number | null | undefined,
  now: number,
): { readonly state: AlertState; readonly transition: Transition | null } {
  if (sample === null || sample === undefined || !Number.isFinite(sample)) {
    return { state: interrupted(state), transition: null };
  }
  const elapsed = countedMs(state.sampledAt, now);
  const critical = advance(state.critical, limits.critical, limits, sample, elapsed);
  // What counts for critical counts for the warning, too, and that ends later: critical never fires alone.
  const warning = advance(state.warning, limits.warning, limits, sample, elapsed);
  const level = levelOf(warning, critical);
  const transition = level === state.told ? null : { kind: kindOf(state.told, level), level, value: sample };
  return { state: { warning, critical, told: level, sampledAt: now }, transition };
}

/** The state when there was no sample. */
export function interrupted(state: AlertState): AlertState {
  return state.sampledAt === null ? state : { ...state, sampledAt: null };
}

/** `after` when its transition could not be told: the next sample brings up again what then still holds of it. */
export function untold(before: AlertState, after: AlertState): AlertState {
  return { ...after, told: before.told };
}

/** How much of the time from `since` to `now` counts: all of it, or nothing when it is a gap. */
export function countedMs(since: number | null, now: number): number {
  if (since === null) return 0;
  const elapsed = now - since;
  return elapsed > 0 && elapsed <= MAX_GAP_MS ? elapsed : 0;
}

function advance(before: Detector, threshold: number, limits: Limits, value: number, elapsed: number): Detector {
  if (value < threshold - limits.hysteresis) return INACTIVE;
  if (value < threshold || before.phase === "firing") return before;
  const heldMs = before.phase === "pending" ? before.heldMs + elapsed : 0;
  return heldMs >= limits.forMs ? FIRING : { phase: "pending", heldMs };
}

function levelOf(warning: Detector, critical: Detector): AlertLevel | null {
  if (critical.phase === "firing") return "critical";
  return warning.phase === "firing" ? "warning" : null;
}

function kindOf(from: AlertLevel | null, to: AlertLevel | null): Transition["kind"] {
  if (to === null) return "resolved";
  if (from === null) return "opened";
  return to === "critical" ? "escalated" : "deescalated";
}
