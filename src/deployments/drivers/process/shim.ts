import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { systemClock as clock } from "../../../clock.ts";
import { confine } from "./confinement.ts";
import { EngineProcesses, RUN_VARIABLE, wait } from "./engine-processes.ts";
import { identify, type ProcessIdentity } from "./identity.ts";
import { Output } from "./output.ts";
import { type ExitFile, type LaunchFile, RunFiles } from "./run-files.ts";

/** Output that a process outside of the group still holds open is waited for no longer than this. */
const DRAIN_MS = 3_000;
/** How often, and how far apart, the end is written down again when the disk is full. */
const WRITE_TRIES = 60;
const WRITE_RETRY_MS = 1_000;

/**
 * The shim: a small process of its own between the server and one engine. It is this same program, in a session of its
 * own, and outlives the server; so somebody always reads the engine's output and is there to see how it ends.
 *
 * SIGTERM to it stops the run: the recipe's signal to the engine's process group, after the grace SIGKILL. Everything
 * else goes through the files in `directory`, see run-files.ts.
 */
export async function runShim(directory: string): Promise<void> {
  const files = new RunFiles(directory);
  const launch = files.launch();
  const self = identify(process.pid);
  if (!launch || !self) throw new Error(`${directory} holds no run`);
  // It belongs to no terminal, and what ends the server must not end it.
  for (const signal of ["SIGHUP", "SIGINT", "SIGQUIT"] as const) process.on(signal, () => {});
  const told = Promise.withResolvers<true>();
  process.on("SIGTERM", () => told.resolve(true));
  if (!files.claim({ shim: self })) return;
  await writeExit(files, await keep(launch, files, told.promise, self));
}

/** Runs the engine to its end. @returns how it ended, once nothing of it is left. */
async function keep(
  launch: LaunchFile,
  files: RunFiles,
  told: Promise<true>,
  self: ProcessIdentity,
): Promise<ExitFile> {
  const output = new Output(launch.logDirectory);
  const confinement = confine(launch);
  const child = confinement.launch(() => start(launch));
  const exited = exitOf(child);
  const failure = await failureOf(child);
  const { pid } = child;
  if (failure !== undefined || pid === undefined) {
    confinement.remove();
    await output.close();
    return ending({ failure: failure ?? "there is no process" });
  }
  // It may be gone already; then its exit tells all there is to tell.
  const leader = identify(pid) ?? { ...self, pid, startTime: "" };
  const { directories: cgroups, warnings } = confinement;
  const processes = new EngineProcesses({ leader, mark: launch.mark, cgroups, ours: true, clock });
  try {
    files.writeState({ engine: leader, warnings, cgroups });
  } catch (error) {
    // What nobody can find again must not run: a full disk, for one.
    await processes.kill();
    throw error;
  }
  const drained = output.read(child);
  const stopped = await Promise.race([exited.then(() => false), told]);
  if (stopped) files.markStopping();
  const leftBehind = stopped ? 0 : processes.list().length;
  await (stopped ? processes.end(launch.stop) : processes.kill());
  const [exitCode, signal] = await exited;
  await Promise.race([drained, wait(clock, DRAIN_MS)]);
  await output.close();
  const oom = confinement.oom();
  confinement.remove();
  return ending({ exitCode, signal, oom, stopped, leftBehind, lastLines: output.lastLines() });
}

function ending(facts: Partial<ExitFile>): ExitFile {
  const nothing = {
    failure: null,
    exitCode: null,
    signal: null,
    oom: null,
    stopped: false,
    leftBehind: 0,
    lastLines: [],
  };
  return { ...nothing, endedAt: clock.now(), ...facts };
}

/** The engine leads a session and a process group of its own, so that it can be ended with everything it starts. */
function start({ argv, env, workingDirectory, mark }: LaunchFile): ChildProcess {
  const [program = "", ...args] = argv;
  return spawn(program, args, {
    cwd: workingDirectory ?? "/",
    env: { ...env, [RUN_VARIABLE]: mark },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
}

/** Never settles for what could not be started. */
function exitOf(child: ChildProcess): Promise<readonly [number | null, NodeJS.Signals | null]> {
  return new Promise((resolve) => child.once("exit", (code, signal) => resolve([code, signal])));
}

/** @returns why it could not be started, for people. */
async function failureOf(child: ChildProcess): Promise<string | undefined> {
  try {
    await once(child, "spawn");
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

async function writeExit(files: RunFiles, exit: ExitFile): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return files.writeExit(exit);
    } catch (error) {
      // Who has it stopped, or has removed its files, does not ask how it ended.
      const asked = !exit.stopped && (error as NodeJS.ErrnoException).code !== "ENOENT";
      if (!asked || tries >= WRITE_TRIES) throw error;
      await wait(clock, WRITE_RETRY_MS);
    }
  }
}
