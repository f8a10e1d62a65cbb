import { z } from "zod";
import type { RestartPolicy } from "../contract/index.ts";

/** The first restart is at once, the second after this long, each later one after twice the time before it. */
const FIRST_DELAY_MS = 5_000;
const LONGEST_DELAY_MS = 300_000;
/** Deployments that fail together, as after a loss of power, must not start together: each delay varies by this share. */
const JITTER = 0.1;
/** This many failures within the window are a crash loop. llamaMan gives up after 3 in 10 minutes; nobody is given up here. */
const CRASH_LOOP_FAILURES = 5;
const CRASH_LOOP_WINDOW_MS = 600_000;
/** Only a run as long as this shows that it works again; one that fails soon after it was ready goes on backing off. */
const STABLE_MS = 300_000;

/** As it is stored; bounded by `CRASH_LOOP_FAILURES`. */
const storedRestarts = z.object({
  count: z.number().int().nonnegative(),
  step: z.number().int().nonnegative(),
  failures: z.array(z.number().nonnegative()).max(CRASH_LOOP_FAILURES),
  waitMs: z.number().nonnegative().nullable(),
  nextAt: z.number().nullable(),
});

/**
 * How a deployment fails and is restarted. Immutable.
 *
 * Durations are time that this server saw pass while it was awake, so that neither a machine that sleeps nor a clock that
 * is set looks like a stable run or ends a delay.
 */
export interface Restarts {
  /** Restarts by the policy since a user last asked for anything. */
  readonly count: number;
  /** Failures since it was last stable: which delay is next. */
  readonly step: number;
  /** How long ago each failure within the window was, oldest first. */
  readonly failures: readonly number[];
  readonly crashLoop: boolean;
  /** Until the restart that is due; null when none is. */
  readonly waitMs: number | null;
  /** The same as a time of day, for people: milliseconds since the epoch. */
  readonly nextAt: number | null;
  /** How long it has been running without a failure. Not stored: what was not seen is not counted. */
  readonly stableMs: number;
}

/** Nothing has failed, or a user has taken over. */
export const NO_FAILURES: Restarts = {
  count: 0,
  step: 0,
  failures: [],
  crashLoop: false,
  waitMs: null,
  nextAt: null,
  stableMs: 0,
};

/** Whether there is anything that time changes. */
export function isSettled(restarts: Restarts): boolean {
  return restarts.step === 0 && restarts.failures.length === 0 && restarts.waitMs === null;
}

/** How long to wait before restart number `step` of a row, the first being 0; `random` from 0 up to 1. */
export function restartDelayMs(step: number, random: number): number {
  if (step === 0) return 0;
  // 2^6 × 5 s is beyond the longest; a larger exponent would end in Infinity.
  const delay = Math.min(FIRST_DELAY_MS * 2 ** Math.min(step - 1, 6), LONGEST_DELAY_MS);
  return Math.round(delay * (1 + JITTER * (2 * random - 1)));
}

/** A run or start that ended without being asked to. `exitCode` 0 is an engine that ended itself in good order. */
export interface Failure {
  readonly exitCode?: number | null | undefined;
}

function restarts(policy: RestartPolicy, { exitCode }: Failure): boolean {
  return policy === "always" || (policy === "on-failure" && exitCode !== 0);
}

/** After a failure at `now`; a restart is pending when the policy wants one. */
export function afterFailure(
  before: Restarts,
  policy: RestartPolicy,
  failure: Failure,
  now: number,
  random: number,
): Restarts {
  const failures = [...before.failures, 0].slice(-CRASH_LOOP_FAILURES);
  const waitMs = restarts(policy, failure) ? restartDelayMs(before.step, random) : null;
  return {
    count: before.count,
    step: before.step + 1,
    failures,
    // One that is not restarted does not loop, however often a user starts it.
    crashLoop: waitMs !== null && (before.crashLoop || failures.length === CRASH_LOOP_FAILURES),
    waitMs,
    nextAt: waitMs === null ? null : now + waitMs,
    stableMs: 0,
  };
}

/** The pending restart is made. */
export function afterRestart(before: Restarts): Restarts {
  return { ...before, count: before.count + 1, waitMs: null, nextAt: null };
}

/**
 * After `ms` of awake time. A crash loop and the back-off end with a stable run and not with the window: delays grow
 * longer than the window, which would make a deployment that never works look well.
 */
export function afterTime(before: Restarts, ms: number, running: boolean): Restarts {
  const stableMs = running ? before.stableMs + ms : 0;
  if (stableMs >= STABLE_MS) return { ...NO_FAILURES, count: before.count };
  const failures = before.failures.map((ago) => ago + ms).filter((ago) => ago < CRASH_LOOP_WINDOW_MS);
  const waitMs = before.waitMs === null ? null : Math.max(0, before.waitMs - ms);
  return { ...before, failures, waitMs, stableMs };
}

/** Milliseconds of running until it counts as stable. */
export function untilStableMs({ stableMs }: Restarts): number {
  return Math.max(0, STABLE_MS - stableMs);
}

/** What is kept over a restart of the server. */
export function toStored({ count, step, failures, waitMs, nextAt }: Restarts): z.infer<typeof storedRestarts> {
  return { count, step, failures: [...failures], waitMs, nextAt };
}

/**
 * What was kept. The delay that was pending goes on as the time of day says, yet never beyond its length, however the
 * clock was set meanwhile.
 *
 * @throws ZodError when it is not what `toStored` made.
 */
export function fromStored(stored: unknown, crashLoop: boolean, now: number): Restarts {
  if (stored === null) return { ...NO_FAILURES, crashLoop };
  const { waitMs, nextAt, ...same } = storedRestarts.parse(stored);
  const left = waitMs === null || nextAt === null ? null : Math.min(waitMs, Math.max(0, nextAt - now));
  return { ...same, crashLoop, waitMs: left, nextAt: left === null ? null : now + left, stableMs: 0 };
}
