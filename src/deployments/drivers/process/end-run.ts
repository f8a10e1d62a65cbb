import { rmdirSync } from "node:fs";
import type { Clock } from "../../../clock.ts";
import type { StopPolicy } from "../driver.ts";
import { EngineProcesses, wait } from "./engine-processes.ts";
import { isAlive, send } from "./identity.ts";
import type { RunFiles } from "./run-files.ts";

/** Beyond its grace a shim needs this long at most: to kill (5 s), to drain (3 s), and to write down. */
const SHIM_MARGIN_MS = 15_000;
const POLL_MS = 25;
/** For what nobody knows the recipe of any more. */
const AT_ONCE: StopPolicy = { signal: "SIGKILL", graceMs: 0 };
/** A claim that nobody finished writing is nobody's: whoever wrote it was killed in the middle. */
const PENDING_MS = 5_000;

/**
 * Where a run is, from its files and the processes they name:
 * - `unclaimed`  nothing is started yet, and nothing will be once somebody else has claimed it
 * - `beginning`  its shim is about to start the engine
 * - `running`    the shim watches the engine
 * - `orphaned`   the shim was killed and something of the engine is still there
 * - `over`       nothing of it is left
 */
export type Standing = "unclaimed" | "beginning" | "running" | "orphaned" | "over";

export function standing(files: RunFiles, clock: Clock): Standing {
  if (files.exit()) return "over";
  const claim = files.claimed();
  if (claim === undefined) {
    if (files.launch()) return "unclaimed";
    // It was never written whole, or somebody has removed the files of a run.
    return processesOf(files, clock).list().length > 0 ? "orphaned" : "over";
  }
  if (claim === "pending") return "beginning";
  if (claim.shim === null) return "over";
  if (isAlive(claim.shim)) return files.state() ? "running" : "beginning";
  // It may have written its last between the two looks.
  if (files.exit()) return "over";
  return processesOf(files, clock).list().length > 0 ? "orphaned" : "over";
}

/**
 * Ends a run wherever it is, and forgets it once nothing of it is left. As many may ask as want to.
 *
 * @throws Error when it cannot be ended.
 */
export async function endRun(files: RunFiles, clock: Clock): Promise<void> {
  const launch = files.launch();
  let deadline = clock.monotonic() + (launch?.stop.graceMs ?? 0) + SHIM_MARGIN_MS;
  const pendingUntil = clock.monotonic() + PENDING_MS;
  let told = false;
  for (;;) {
    const now = standing(files, clock);
    if (now === "over") return forget(files);
    if (now === "unclaimed") {
      if (!claimForNobody(files)) await wait(clock, POLL_MS);
      continue;
    }
    const claim = files.claimed();
    const shim = claim === undefined || claim === "pending" ? undefined : claim.shim;
    if (now === "orphaned") {
      files.markStopping();
      if (!(await processesOf(files, clock).end(launch?.stop ?? AT_ONCE))) throw new Error(stuck(files));
      continue;
    }
    if (shim && !told) {
      files.markStopping();
      send(shim.pid, "SIGTERM");
      told = true;
    }
    if (!shim && clock.monotonic() > pendingUntil) return forget(files);
    if (clock.monotonic() > deadline) {
      // It should have been through long ago. Without it the run is orphaned, and ended as such.
      if (shim && isAlive(shim)) send(shim.pid, "SIGKILL");
      else throw new Error(stuck(files));
      deadline = clock.monotonic() + SHIM_MARGIN_MS;
    }
    await wait(clock, POLL_MS);
  }
}

/** With the control groups that a shim which was killed has left. */
function forget(files: RunFiles): void {
  for (const group of files.state()?.cgroups ?? []) {
    try {
      rmdirSync(group);
    } catch {
      // The shim has removed it, or something is in it that the kernel does not let go.
    }
  }
  files.remove();
}

/** From here on its shim, should it come, starts nothing. @returns false when it has come already. */
function claimForNobody(files: RunFiles): boolean {
  try {
    return files.claim({ shim: null });
  } catch {
    // The disk is full. A shim that finds no directory starts nothing either, and ends what it has just started.
    files.remove();
    return true;
  }
}

function processesOf(files: RunFiles, clock: Clock): EngineProcesses {
  const state = files.state();
  // Without a state there is only the mark to find them by.
  const leader = state?.engine ?? { pid: 0, startTime: "", bootId: "" };
  const mark = files.launch()?.mark ?? files.directory;
  return new EngineProcesses({ leader, mark, cgroups: state?.cgroups ?? [], ours: false, clock });
}

function stuck(files: RunFiles): string {
  return `process ${files.state()?.engine.pid ?? "of its shim"} does not end, not even by SIGKILL`;
}
