import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "../../../clock.ts";
import { progressIn } from "../../loading/log-progress.ts";
import { endOfLog, tailOfLog } from "../../logs/files.ts";
import { cursorOf } from "../../logs/format.ts";
import { reachable } from "../../recipes/launch.ts";
import type { Ending, Hooks, Instance, Launch, Target } from "../driver.ts";
import { endRun, type Standing, standing } from "./end-run.ts";
import { endingOf, NEVER_STARTED, noShim, UNWATCHED, VANISHED } from "./endings.ts";
import { isAlive, type ProcessIdentity, statOf } from "./identity.ts";
import { RunFiles, type StateFile } from "./run-files.ts";

/** The argument that makes this program a shim. */
export const SHIM_COMMAND = "engine-shim";

/** Between two looks at a run: soon while it begins, then as often as its end must be noticed if it is not our child. */
const BEGIN_POLL_MS = 100;
const POLL_MS = 1_000;
/** The end of the log in which an engine's newest progress is looked for: some ten lines. */
const PROGRESS_BYTES = 4_096;

export interface RunParts {
  readonly runDirectory: string;
  readonly logDirectory: string;
  readonly program: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly clock: Clock;
}

/** One run of an engine, started by this server or by one before it. */
export class ProcessRun implements Instance {
  readonly host: string;
  readonly begun: Promise<void>;
  readonly ended: Promise<Ending>;
  readonly #target: Target;
  readonly #hooks: Hooks;
  readonly #parts: RunParts;
  readonly #over: (ending: Ending) => void;
  readonly #alone: () => void;
  #files: RunFiles | undefined;
  #state: StateFile | undefined;
  /** Once the engine runs. */
  #shim: ProcessIdentity | undefined;
  #beginning: Promise<void> = Promise.resolve();
  #stopped: Promise<void> | undefined;
  #released = false;
  #timer: Disposable | undefined;
  #moved = "";
  #progress: Instance["progress"];

  constructor(target: Target, hooks: Hooks, parts: RunParts) {
    this.#target = target;
    this.#hooks = hooks;
    this.#parts = parts;
    this.host = reachable(target.host);
    const { promise, resolve } = Promise.withResolvers<Ending>();
    this.ended = promise;
    this.#over = resolve;
    const begun = Promise.withResolvers<void>();
    this.begun = begun.promise;
    this.#alone = begun.resolve;
  }

  get port(): number {
    return this.#target.port ?? this.#files?.launch()?.port ?? 0;
  }

  get pid(): number | undefined {
    return this.#state?.engine.pid;
  }

  get progress(): Instance["progress"] {
    return this.#progress;
  }

  get warnings(): readonly string[] {
    return this.#state?.warnings ?? [];
  }

  /**
   * Takes over one of `runs`, which earlier servers left, ends the others, and if there is none to take over starts what
   * `launch` says; without it nothing is started.
   */
  begin(runs: readonly RunFiles[], launch: (() => Launch) | undefined): void {
    this.#beginning = this.#begin(runs, launch).catch((error) => this.#over({ reason: messageOf(error) }));
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  release(): void {
    this.#released = true;
    this.#timer?.[Symbol.dispose]();
  }

  async #begin(runs: readonly RunFiles[], launch: (() => Launch) | undefined): Promise<void> {
    const { clock } = this.#parts;
    const mine = launch ? sameStart(runs, this.#target, clock) : newest(runs, clock);
    const others = runs.filter((files) => files !== mine);
    if (mine) this.#follow(mine);
    await Promise.all(others.map((files) => endRun(files, this.#parts.clock)));
    if (this.#released || this.#stopped) return;
    this.#alone();
    if (mine) return;
    if (launch) this.#launch(launch());
    else this.#over(runs.length > 0 ? NEVER_STARTED : VANISHED);
  }

  async #stop(): Promise<void> {
    this.#timer?.[Symbol.dispose]();
    await this.#beginning;
    if (this.#files) await endRun(this.#files, this.#parts.clock);
  }

  #launch(launch: Launch): void {
    const { deploymentId, startedAt } = this.#target;
    const { runDirectory, logDirectory, program, environment } = this.#parts;
    const token = randomBytes(16).toString("hex");
    const files = new RunFiles(join(runDirectory, deploymentId, token));
    const { runtime, host, port, argv, env, workingDirectory, limits, stop } = launch;
    files.create({
      ...{
        deploymentId,
        token,
        mark: files.directory,
        startedAt,
        runtime,
        host,
        port,
        argv,
        env,
        workingDirectory,
        limits,
        stop,
      },
      logDirectory: join(logDirectory, deploymentId),
    });
    const errors = openSync(files.errors, "a", 0o600);
    try {
      const [command = "", ...args] = program;
      const shim = spawn(command, [...args, SHIM_COMMAND, files.directory], {
        cwd: "/",
        env: environment,
        detached: true,
        stdio: ["ignore", "ignore", errors],
      });
      // An exit is seen at once; everything else by looking.
      shim.on("exit", () => this.#look(true));
      shim.on("error", (error) => this.#over(noShim(error.message)));
      shim.unref();
    } finally {
      closeSync(errors);
    }
    this.#follow(files);
  }

  #follow(files: RunFiles): void {
    this.#files = files;
    this.#look();
  }

  /** @param shimEnded the shim was seen to end, so that what is not there will not come. */
  #look(shimEnded = false): void {
    const files = this.#files;
    if (!files || this.#released || this.#stopped) return;
    this.#timer?.[Symbol.dispose]();
    if (this.#shim && isAlive(this.#shim)) this.#again(POLL_MS);
    else this.#judge(files, standing(files, this.#parts.clock), shimEnded);
  }

  #judge(files: RunFiles, now: Standing, shimEnded: boolean): void {
    if (now === "running") {
      this.#state = files.state();
      const claim = files.claimed();
      this.#shim = typeof claim === "object" && claim.shim ? claim.shim : undefined;
      this.#again(POLL_MS);
    } else if ((now === "beginning" || now === "unclaimed") && !shimEnded) {
      this.#again(BEGIN_POLL_MS);
    } else if (now === "orphaned") {
      void endRun(files, this.#parts.clock).then(
        () => this.#over(UNWATCHED),
        (error) => this.#over({ reason: `${UNWATCHED.reason}: ${messageOf(error)}` }),
      );
    } else {
      const exit = files.exit();
      if (exit) this.#over(endingOf(exit));
      else if (shimEnded || now === "unclaimed") this.#over(noShim(files.shimErrors()));
      else this.#over(VANISHED);
    }
  }

  #again(ms: number): void {
    this.#lookForProgress();
    this.#timer = this.#parts.clock.after(ms, () => this.#look());
  }

  /** Tells of anything that moves: output, or memory, which grows while a model is read. */
  #lookForProgress(): void {
    const files = this.#files;
    if (!files) return;
    const pages = this.#state && statOf(this.#state.engine.pid)?.residentPages;
    const log = join(this.#parts.logDirectory, this.#target.deploymentId);
    const end = endOfLog(log);
    const moved = `${pages} ${end && cursorOf(end)}`;
    if (moved === this.#moved) return;
    this.#moved = moved;
    this.#progress = progressIn(tailOfLog(log, PROGRESS_BYTES)) ?? this.#progress;
    this.#hooks.onProgress();
  }
}

/** The run that serves the same start as `target`, unless it is being stopped or there is nothing to be told of it. */
function sameStart(runs: readonly RunFiles[], { startedAt }: Target, clock: Clock): RunFiles | undefined {
  return runs.find((files) => {
    if (files.launch()?.startedAt !== startedAt || files.stopping) return false;
    const exit = files.exit();
    return exit ? !exit.stopped : ["beginning", "running", "orphaned"].includes(standing(files, clock));
  });
}

/** What runs, else what ran last. */
function newest(runs: readonly RunFiles[], clock: Clock): RunFiles | undefined {
  const started = runs.filter((files) => standing(files, clock) !== "unclaimed" && files.launch() !== undefined);
  const alive = started.filter((files) => standing(files, clock) !== "over");
  const latest = (some: readonly RunFiles[]) =>
    some.toSorted((a, b) => (b.launch()?.startedAt ?? 0) - (a.launch()?.startedAt ?? 0))[0];
  return latest(alive) ?? latest(started);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
