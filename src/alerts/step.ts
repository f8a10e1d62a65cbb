import { streams } from "../contract/index.ts";
import { type AlertLevel, type AlertState, FLAPPING_WITHIN_MS, LOST_AFTER_MS } from "./alert-state.ts";
import { INACTIVE, isActive, judged, type Limits, moved, waitsAgain } from "./detector.ts";

/** Why an incident ended by itself. */
export type EndReason = "recovered" | "no_data" | "missing" | "rule_changed";

export interface Transition {
  readonly kind:
    | "opened"
    | "reopened"
    | "escalated"
    | "deescalated"
    | "resolved"
    | "flapping"
    | "settled"
    | "stale"
    | "fresh";
  /** The level from now on; null for `resolved`. */
  readonly level: AlertLevel | null;
  /** The newest value. */
  readonly value: number;
  /** Whether an incident that had ended goes on: it keeps its number. */
  readonly again: boolean;
  /** Why it ended; null otherwise. */
  readonly reason: EndReason | null;
}

export interface Step {
  readonly state: AlertState;
  /** What there is to tell, if anything. */
  readonly transition: Transition | null;
}

/** A gap longer than this (a stall, a suspended machine) is not time in which anything is known to have lasted. */
const MAX_GAP_MS = 5 * streams.system_resources.intervalMs;
/** Values missing for longer are told to be; a single one that is left out is not. */
const STALE_AFTER_MS = 10_000;
/** How long an instance has to be away until it is gone. A tool that died and is started again takes less. */
const GONE_AFTER_MS = 60_000;
/** What comes back so soon is the same incident. */
const REOPEN_MS = 300_000;
/** Each time it comes back, its end has to last half as long again: 20 s, 30 s, 45 s … */
const REOPENED_CLEAR_MS = 20_000;
const CLEAR_GROWTH = 1.5;
const MOST_CLEAR_MS = 1_800_000;
/** After so long without a change it is as if it had never come back. */
const QUIET_MS = 3_600_000;
/** So many openings and ends in that time are flapping, which ends when nothing changes for so long. */
const FLAPPING_CHANGES = 4;
const FLAPPING_STABLE_MS = 900_000;

/**
 * The state after one more sample, and what there is to tell about it: at most one transition, from what was told last
 * to what is true now, whatever lies between. So 50 → 95 opens at critical and 95 → 50 resolves.
 *
 * @param sample null and NaN are no value, undefined means that the resource is not there: neither changes a level or
 * counts as time in which anything lasted.
 * @param now monotonic milliseconds.
 */
export function step(limits: Limits, state: AlertState, sample: number | null | undefined, now: number): Step {
  const elapsed = countedMs(state.steppedAt, now);
  const clockMs = state.clockMs + elapsed;
  const timed = { ...state, clockMs, steppedAt: now };
  if (sample === null || sample === undefined || !Number.isFinite(sample)) {
    return missed(limits, timed, elapsed, sample === undefined);
  }
  // What lies between no value and this one is not known.
  const counted = state.missingMs > 0 ? 0 : elapsed;
  const clearMs = clearAfterMs(limits, state);
  const critical = moved(state.critical, limits.critical, limits, sample, counted, clearMs);
  const warning = moved(state.warning, limits.warning, limits, sample, counted, clearMs);
  const steadyMs = warning.phase === state.warning.phase ? state.steadyMs + elapsed : 0;
  const seen = { ...timed, warning, critical, value: sample, missingMs: 0, absentMs: 0, steadyMs };
  const reopens = steadyMs >= QUIET_MS ? 0 : seen.reopens;
  return told(limits, { ...seen, reopens }, sample, "recovered");
}

/** The state under a rule that was changed: its newest value is judged anew, as if it had just come. */
export function reruled(limits: Limits, state: AlertState): Step {
  const { value, missingMs } = state;
  if (value === null || missingMs > 0) return { state, transition: null };
  const critical = judged(state.critical, limits.critical, limits, value);
  const warning = judged(state.warning, limits.warning, limits, value);
  return told(limits, { ...state, warning, critical }, value, "rule_changed");
}

/** The state after somebody closed the incident. What still holds of it is not told again until it is over, or worse. */
export function dismissed(state: AlertState): AlertState {
  const still = isActive(state.warning) ? state.told : null;
  const over = { told: null, dismissed: still, stale: false, flapping: false, changes: [], endedAt: state.clockMs };
  return { ...state, ...over };
}

/**
 * `after` when its transition could not be told: time and detectors have gone on, the story has not. The next sample
 * brings up again what then still holds of it.
 */
export function untold(before: AlertState, after: AlertState): AlertState {
  const { value, steppedAt, clockMs, missingMs, absentMs, steadyMs } = after;
  // Without a value nothing moves the detectors but the end that could not be told.
  const { warning, critical } = missingMs > 0 ? before : after;
  return { ...before, warning, critical, value, steppedAt, clockMs, missingMs, absentMs, steadyMs };
}

/** How much of the time from `since` to `now` counts: all of it, or nothing when it is a gap. */
function countedMs(since: number | null, now: number): number {
  if (since === null) return 0;
  const elapsed = now - since;
  return elapsed > 0 && elapsed <= MAX_GAP_MS ? elapsed : 0;
}

/** How long a value has to be back until that is the end: longer for what came back before, longest while flapping. */
function clearAfterMs({ clearMs }: Limits, { flapping, reopens }: AlertState): number {
  const grown =
    reopens === 0 ? clearMs : Math.min(MOST_CLEAR_MS, Math.max(clearMs, REOPENED_CLEAR_MS) * CLEAR_GROWTH ** reopens);
  return flapping ? Math.max(grown, FLAPPING_STABLE_MS) : grown;
}

/** No value: nothing is known, which is told, and after a while the incident is not known to go on. */
function missed(limits: Limits, state: AlertState, elapsed: number, absent: boolean): Step {
  // At least something, so that the next value knows that this one was missing.
  const missingMs = Math.max(1, state.missingMs + elapsed);
  const absentMs = absent ? state.absentMs + elapsed : 0;
  const next = { ...state, missingMs, absentMs, steadyMs: 0 };
  const { told, value } = state;
  if (told === null || value === null) return { state: next, transition: null };
  const reason = absentMs >= GONE_AFTER_MS ? "missing" : missingMs >= LOST_AFTER_MS ? "no_data" : null;
  if (reason !== null && limits.autoResolve) {
    const ended = { ...next, ...over(next), warning: INACTIVE, critical: INACTIVE };
    return { state: ended, transition: { kind: "resolved", level: null, value, again: false, reason } };
  }
  if (next.stale || missingMs <= STALE_AFTER_MS) return { state: next, transition: null };
  return {
    state: { ...next, stale: true },
    transition: { kind: "stale", level: told, value, again: false, reason: null },
  };
}

/** What there is to tell once the detectors say what they say. */
function told(limits: Limits, state: AlertState, value: number, reason: EndReason): Step {
  const found = levelOf(state);
  if (state.told === null) {
    if (found === null) return { state: { ...state, dismissed: null, stale: false }, transition: null };
    if (!isWorse(found, state.dismissed)) return { state, transition: null };
    return opened(state, found, value);
  }
  if (found === null) {
    if (limits.autoResolve) return ended(state, value, reason);
    // It stays as it is until somebody closes it.
    return fresh(state, state.told, value);
  }
  if (found !== state.told) {
    const kind = isWorse(found, state.told) ? "escalated" : "deescalated";
    return {
      state: { ...state, told: found, stale: false },
      transition: { kind, level: found, value, again: false, reason: null },
    };
  }
  if (state.flapping && state.warning.phase === "firing" && state.steadyMs >= FLAPPING_STABLE_MS) {
    return {
      state: { ...state, flapping: false, changes: [], reopens: 0, stale: false },
      transition: { kind: "settled", level: found, value, again: false, reason: null },
    };
  }
  return fresh(state, found, value);
}

function fresh(state: AlertState, level: AlertLevel, value: number): Step {
  if (!state.stale) return { state, transition: null };
  return { state: { ...state, stale: false }, transition: { kind: "fresh", level, value, again: false, reason: null } };
}

function opened(state: AlertState, level: AlertLevel, value: number): Step {
  const again = state.endedAt !== null && state.clockMs - state.endedAt <= REOPEN_MS;
  const changes = recent(state);
  const flapping = state.flapping || changes.length >= FLAPPING_CHANGES;
  const kind = flapping ? "flapping" : again ? "reopened" : "opened";
  const reopens = again ? state.reopens + 1 : 0;
  return {
    state: { ...state, told: level, dismissed: null, stale: false, changes, flapping, reopens },
    transition: { kind, level, value, again, reason: null },
  };
}

function ended(state: AlertState, value: number, reason: EndReason): Step {
  const changes = recent(state);
  if (reason === "recovered" && !state.flapping && changes.length >= FLAPPING_CHANGES) {
    // It is held open where it was, until it has been well for long enough.
    const critical = state.told === "critical" ? waitsAgain : INACTIVE;
    return {
      state: { ...state, warning: waitsAgain, critical, changes, flapping: true, stale: false, steadyMs: 0 },
      transition: { kind: "flapping", level: state.told, value, again: false, reason: null },
    };
  }
  // The end of flapping is an end for good.
  const kept = state.flapping ? [] : changes;
  return {
    state: { ...state, ...over(state), changes: kept },
    transition: { kind: "resolved", level: null, value, again: false, reason },
  };
}

function over(state: AlertState) {
  const reopens = state.flapping ? 0 : state.reopens;
  return { told: null, stale: false, flapping: false, endedAt: state.clockMs, reopens };
}

/** The latest changes with one more now, as many as matter. */
function recent({ changes, clockMs }: AlertState): readonly number[] {
  return [...changes, clockMs].filter((at) => clockMs - at <= FLAPPING_WITHIN_MS).slice(-FLAPPING_CHANGES);
}

function levelOf({ warning, critical }: AlertState): AlertLevel | null {
  if (isActive(critical)) return "critical";
  return isActive(warning) ? "warning" : null;
}

function isWorse(level: AlertLevel, than: AlertLevel | null): boolean {
  return than === null || (level === "critical" && than === "warning");
}
