import { existsSync } from "node:fs";
import type { Clock } from "../../../clock.ts";
import type { Recipe } from "../../../config/recipe.ts";
import type { Executables } from "../../recipes/executables.ts";
import type { Driver, Hooks, Instance, Launch, Target } from "../driver.ts";
import { endRun, standing } from "./end-run.ts";
import { markedRuns } from "./engine-processes.ts";
import { addressError } from "./own-address.ts";
import { ProcessRun } from "./process-run.ts";
import { listRuns, RunFiles, runsOf } from "./run-files.ts";

export interface ProcessDriverParts {
  /** DATA_DIR/run and DATA_DIR/logs. */
  readonly runDirectory: string;
  readonly logDirectory: string;
  /** The command line of this program, to which a shim's arguments are added. */
  readonly program: readonly string[];
  /** What a shim inherits of this server's environment. */
  readonly environment: Readonly<Record<string, string>>;
  readonly executables: Pick<Executables, "find">;
  readonly clock: Clock;
}

/**
 * Runs engines as processes of this machine, each under a shim of its own (shim.ts), so that neither notices when the
 * server ends, however it ends. All that is known of a run is in its directory (run-files.ts); the driver itself keeps
 * nothing that a restart would lose.
 */
export function processDriver(parts: ProcessDriverParts): Driver {
  const { runDirectory, clock } = parts;
  const begin = (target: Target, hooks: Hooks, launch: (() => Launch) | undefined): Instance => {
    const run = new ProcessRun(target, hooks, parts);
    run.begin(runsOf(runDirectory, target.deploymentId), launch);
    return run;
  };
  return {
    kind: "process",
    unavailable: (recipe) => unavailable(recipe, parts.executables),
    check({ host, port }) {
      const wrong = addressError(host);
      return [
        ...(wrong === undefined ? [] : [{ field: "host", message: wrong }]),
        ...(port === null ? [{ field: "port", message: "is needed: where the engine is to listen" }] : []),
      ];
    },
    start: (target, launch, hooks) => begin(target, hooks, launch),
    adopt: (target, hooks) => begin(target, hooks, undefined),
    holds: (deploymentId) => runsOf(runDirectory, deploymentId).some((files) => standing(files, clock) !== "over"),
    async sweep(keep) {
      const left: RunFiles[] = [];
      for (const [deploymentId, runs] of listRuns(runDirectory)) if (!keep.has(deploymentId)) left.push(...runs);
      // Engines whose files somebody has removed: nobody could ever stop them.
      left.push(
        ...markedRuns(runDirectory)
          .filter((mark) => !existsSync(mark))
          .map((mark) => new RunFiles(mark)),
      );
      await Promise.all(left.map((files) => endRun(files, clock)));
    },
  };
}

function unavailable({ name, command }: Recipe, executables: ProcessDriverParts["executables"]): string | null {
  if (process.platform === "win32") return "processes can be kept on Linux and macOS only";
  const [program] = command;
  if (typeof program !== "string") return `[runtimes.${name}] of the config file gives it no command`;
  if (executables.find(program) !== undefined) return null;
  return program.includes("/") ? `there is no executable ${program}` : `${program} is not on this server's PATH`;
}
