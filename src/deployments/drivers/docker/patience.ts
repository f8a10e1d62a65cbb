import type { Clock } from "../../../clock.ts";
import { EngineError } from "./container-engine.ts";

/** Between two tries to reach an Engine that gives no answer. */
const RETRY_MS = 1_000;

/** Nobody waits any more: the run was stopped, or the server let go of it. */
export class Abandoned extends Error {
  override readonly name = "Abandoned";
}

export interface Patience {
  readonly clock: Clock;
  /** Ends the waiting with `Abandoned`. */
  readonly signal: AbortSignal;
  /** Told after each try in vain, with how long there has been no answer. What it throws ends the waiting. */
  readonly onUnreachable?: (forMs: number, error: EngineError) => void;
}

/**
 * Asks the Engine until it answers, however long it is away: it may be restarted, or come up later than this server.
 *
 * @throws Abandoned; any other error than that it cannot be reached.
 */
export async function patiently<Answer>(
  { clock, signal, onUnreachable }: Patience,
  ask: () => Promise<Answer>,
): Promise<Answer> {
  let since: number | undefined;
  for (;;) {
    if (signal.aborted) throw new Abandoned();
    try {
      return await ask();
    } catch (error) {
      if (signal.aborted) throw new Abandoned();
      if (!(error instanceof EngineError) || error.kind !== "unreachable") throw error;
      const now = clock.monotonic();
      since ??= now;
      onUnreachable?.(now - since, error);
      await pause(clock, RETRY_MS, signal);
    }
  }
}

/** Resolves after `ms`, or as soon as `signal` is aborted. */
export function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = () => {
      timer[Symbol.dispose]();
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = clock.after(ms, done);
    signal.addEventListener("abort", done, { once: true });
  });
}
