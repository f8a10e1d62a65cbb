/** What a rule says about a value, in the value's own unit. */
export interface Limits {
  /** Whether a value is bad that is high, or one that is low. */
  readonly bad: "above" | "below";
  readonly warning: number;
  readonly critical: number;
  /** A level ends only this far on the good side of its threshold, so that a value swinging around it says nothing new. */
  readonly hysteresis: number;
  /** How long a value has to be at or beyond a threshold, in milliseconds; 0 means the first sample. */
  readonly forMs: number;
  /** How long it has to be back, in milliseconds; 0 means the first sample. */
  readonly clearMs: number;
  /** Whether being back ends the incident; otherwise somebody has to. */
  readonly autoResolve: boolean;
}

/**
 * One threshold's side of the story.
 *
 * ```text
 *              on                    held for forMs
 *   inactive ───────► pending ──────────────────────► firing ◄───┐
 *       ▲                │                              │        │ on
 *       │◄───── off ─────┘                              │ off    │
 *       └──────────── held off for clearMs ──────── recovering ──┘
 * ```
 *
 * *On* is at or beyond the threshold, *off* is back by more than the hysteresis. In between each stays what it is, and
 * keeps what it has counted without counting on.
 */
export type Detector =
  | { readonly phase: "inactive" }
  | { readonly phase: "pending"; readonly heldMs: number }
  | { readonly phase: "firing" }
  | { readonly phase: "recovering"; readonly heldMs: number };

export const INACTIVE: Detector = { phase: "inactive" };
export const FIRING: Detector = { phase: "firing" };
/** Recovering, with all of it still to come. */
export const waitsAgain: Detector = { phase: "recovering", heldMs: 0 };

/** Whether the threshold's level holds. */
export function isActive({ phase }: Detector): boolean {
  return phase === "firing" || phase === "recovering";
}

/** The detector after `value`, which `countedMs` of time led to. */
export function moved(
  before: Detector,
  threshold: number,
  limits: Limits,
  value: number,
  countedMs: number,
  clearMs: number,
): Detector {
  const side = sideOf(threshold, limits, value);
  switch (before.phase) {
    case "inactive":
    case "pending": {
      if (side === "off") return INACTIVE;
      if (side === "between") return before;
      const heldMs = before.phase === "pending" ? before.heldMs + countedMs : 0;
      return heldMs >= limits.forMs ? FIRING : { phase: "pending", heldMs };
    }
    case "firing":
    case "recovering": {
      if (side === "on") return FIRING;
      if (side === "between") return before;
      const heldMs = before.phase === "recovering" ? before.heldMs + countedMs : 0;
      return heldMs >= clearMs ? INACTIVE : { phase: "recovering", heldMs };
    }
    default:
      return before satisfies never;
  }
}

/** The detector under limits that were changed: what is not at or beyond the threshold is off, without any wait. */
export function judged(before: Detector, threshold: number, limits: Limits, value: number): Detector {
  if (sideOf(threshold, limits, value) !== "on") return INACTIVE;
  if (isActive(before) || limits.forMs === 0) return FIRING;
  return before.phase === "pending" ? before : { phase: "pending", heldMs: 0 };
}

function sideOf(threshold: number, { bad, hysteresis }: Limits, value: number): "on" | "between" | "off" {
  const beyond = bad === "above" ? value - threshold : threshold - value;
  if (beyond >= 0) return "on";
  return beyond < -hysteresis ? "off" : "between";
}
