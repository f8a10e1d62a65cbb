import type { Ending } from "../driver.ts";
import type { ExitFile } from "./run-files.ts";

/** How a run ended, from what its shim wrote down. */
export function endingOf(exit: ExitFile): Ending {
  const { failure, exitCode, signal, oom, lastLines, leftBehind } = exit;
  if (failure !== null) {
    return {
      reason: `it could not be started: ${failure}`,
      hint: "Check the command of its runtime in the config file, and that this server's user may run it.",
    };
  }
  const facts = { exitCode, signal, oom, lastLines };
  if (oom) {
    const hint = "Raise memory_limit, or choose a smaller model or context.";
    return { ...facts, reason: `it was killed for using too much memory (${how(exit)})`, hint };
  }
  const ended = signal === null ? `it ended with ${how(exit)}` : `it was ended by ${signal}`;
  // Workers that are still there when the engine crashes are nothing special.
  if (exitCode === 0 && leftBehind > 0) {
    const those = leftBehind === 1 ? "a process" : `${leftBehind} processes`;
    const hint = "Its command must stay in the foreground: have it not start itself anew in the background.";
    return { ...facts, reason: `${ended} and left ${those} behind, ended as well`, hint };
  }
  return { ...facts, reason: ended, hint: "See its last log lines for why." };
}

function how({ exitCode, signal }: ExitFile): string {
  return signal ?? `exit code ${exitCode}`;
}

/** Nothing of it is left, and nothing says how it ended: the machine was restarted, or its shim was killed with it. */
export const VANISHED: Ending = {
  reason: "it is gone, and nobody saw how it ended",
  hint: "The machine was restarted, or it was killed together with the process that watches over it.",
};

export const UNWATCHED: Ending = {
  reason: "the process that watches over it was killed, so it was ended as well",
  hint: "Leave the engine-shim processes alone; each one keeps the log of an engine and sees how it ends.",
};

export const NEVER_STARTED: Ending = {
  reason: "the server ended before it was started",
  hint: "Start it again.",
};

/** @param why what was said last, if anything. */
export function noShim(why: string): Ending {
  return { reason: `the process that was to watch over it ended${why === "" ? "" : `: ${why}`}` };
}
