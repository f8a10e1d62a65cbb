import { isoTime } from "../clock.ts";
import { type Failure, failure } from "../contract/index.ts";
import { diagnose } from "./diagnosis.ts";
import type { Ending } from "./drivers/driver.ts";

/** Kept with a deployment; its log has the rest. */
const LINES = 20;
const LINE_LENGTH = 500;

/** What is kept and shown of a failure: what happened, explained. */
export function failureOf(ending: Ending, port: number | null, now: number): Failure {
  const { class: kind, reason, hint } = diagnose({ ...ending, port });
  const lines = (ending.lastLines ?? []).slice(-LINES);
  return {
    class: kind,
    reason,
    hint: hint ?? null,
    exit_code: ending.exitCode ?? null,
    signal: ending.signal ?? null,
    last_lines: lines.map((line) => line.slice(0, LINE_LENGTH)),
    failed_at: isoTime(now),
  };
}

/** From its column; null when another version of the server wrote something else there. */
export function storedFailure(stored: unknown): Failure | null {
  return failure.nullable().safeParse(stored).data ?? null;
}
