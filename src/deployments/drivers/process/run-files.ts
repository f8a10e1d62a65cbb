import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { Limits, StopPolicy } from "../driver.ts";
import type { ProcessIdentity } from "./identity.ts";

/**
 * What is known of one run of a process, in a directory of its own: DATA_DIR/run/dep-3/TOKEN/. The server and the shim
 * (shim.ts) tell each other everything through these files, each written by one of them and once:
 *
 * - `launch.json`  the server, before it starts the shim: what to run.
 * - `claim.json`   whoever is first. The shim claims the run before it starts anything; a server that finds a run without
 *                  claim takes it itself, and the shim, should it still be on its way, starts nothing.
 * - `state.json`   the shim, as soon as the engine runs.
 * - `stopping`     whoever begins to stop it.
 * - `exit.json`    the shim, when nothing of the run is left: how it ended.
 *
 * They survive the death of either, so a run is never started twice and its end is never lost.
 */
export interface LaunchFile {
  readonly deploymentId: string;
  readonly token: string;
  /** The run's directory: by it whatever the run started can be found in the list of processes. */
  readonly mark: string;
  /** The `startedAt` of the target it serves. */
  readonly startedAt: number | null;
  readonly runtime: string;
  readonly host: string;
  readonly port: number;
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly workingDirectory: string | null;
  readonly limits: Limits;
  readonly stop: StopPolicy;
  /** Where its output goes. */
  readonly logDirectory: string;
}

export interface ClaimFile {
  /** Null when the server took it, so that nothing is started. */
  readonly shim: ProcessIdentity | null;
}

export interface StateFile {
  /** Also the leader of its process group. */
  readonly engine: ProcessIdentity;
  /** Limits that could not be had, one sentence each. */
  readonly warnings: readonly string[];
  /** Control group directories of its own. */
  readonly cgroups: readonly string[];
}

export interface ExitFile {
  /** Why it never ran; null when it did. */
  readonly failure: string | null;
  readonly exitCode: number | null;
  readonly signal: string | null;
  /** Null when the system does not tell. */
  readonly oom: boolean | null;
  /** Whether it was told to end. */
  readonly stopped: boolean;
  /** Processes that it left behind when it ended by itself, and that were ended. */
  readonly leftBehind: number;
  readonly lastLines: readonly string[];
  /** Milliseconds since the epoch. */
  readonly endedAt: number;
}

/** The files of one run. Reading one that is not there, or not whole, gives undefined. */
export class RunFiles {
  readonly directory: string;

  constructor(directory: string) {
    this.directory = directory;
  }

  get errors(): string {
    return join(this.directory, "shim.err");
  }

  create(launch: LaunchFile): void {
    mkdirSync(this.directory, { recursive: true, mode: 0o700 });
    this.#write("launch.json", launch);
  }

  /** @returns false when somebody else has it already. */
  claim(claim: ClaimFile): boolean {
    const path = join(this.directory, "claim.json");
    try {
      writeDurably(path, JSON.stringify(claim), "wx");
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
      // On a full disk it is there and empty: a claim of nobody, which others would wait for.
      rmSync(path, { force: true });
      throw error;
    }
  }

  writeState(state: StateFile): void {
    this.#write("state.json", state);
  }

  writeExit(exit: ExitFile): void {
    this.#write("exit.json", exit);
  }

  /** A full disk must not keep anything from being stopped; then a crash in the middle of it makes it run on. */
  markStopping(): void {
    try {
      writeDurably(join(this.directory, "stopping"), "", "w");
    } catch {
      // See above.
    }
  }

  launch(): LaunchFile | undefined {
    return this.#read<LaunchFile>("launch.json");
  }

  /** `pending`: it is claimed, and by whom is being written. */
  claimed(): ClaimFile | "pending" | undefined {
    const text = readText(join(this.directory, "claim.json"));
    return text === undefined ? undefined : (parse<ClaimFile>(text) ?? "pending");
  }

  state(): StateFile | undefined {
    return this.#read<StateFile>("state.json");
  }

  exit(): ExitFile | undefined {
    return this.#read<ExitFile>("exit.json");
  }

  get stopping(): boolean {
    return readText(join(this.directory, "stopping")) !== undefined;
  }

  /** What the shim had to complain about, if it could not even begin. */
  shimErrors(): string {
    return (readText(this.errors) ?? "").trim().split("\n").at(-1) ?? "";
  }

  /** Forgets the run, and the deployment's directory if it was the last one in it. */
  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
    try {
      rmdirSync(join(this.directory, ".."));
    } catch {
      // Another run is in it, or it is gone already.
    }
  }

  /** Whole or not at all, also over a power cut. */
  #write(name: string, content: unknown): void {
    const path = join(this.directory, name);
    writeDurably(`${path}.new`, JSON.stringify(content), "w");
    renameSync(`${path}.new`, path);
  }

  #read<Content>(name: string): Content | undefined {
    const text = readText(join(this.directory, name));
    return text === undefined ? undefined : parse<Content>(text);
  }
}

/** The runs that are known in `runDirectory` (DATA_DIR/run), by deployment. */
export function listRuns(runDirectory: string): Map<string, RunFiles[]> {
  const found = new Map<string, RunFiles[]>();
  for (const deploymentId of list(runDirectory)) {
    if (/^dep-[0-9]+$/.test(deploymentId)) found.set(deploymentId, runsOf(runDirectory, deploymentId));
  }
  return found;
}

export function runsOf(runDirectory: string, deploymentId: string): RunFiles[] {
  const directory = join(runDirectory, deploymentId);
  return list(directory).map((token) => new RunFiles(join(directory, token)));
}

function list(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    // Nothing has run yet.
    return [];
  }
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

/** The type is what this program wrote under that name; what is not whole was cut off by a crash and counts as not there. */
function parse<Content>(text: string): Content | undefined {
  try {
    return JSON.parse(text) as Content;
  } catch {
    return undefined;
  }
}

function writeDurably(path: string, text: string, flags: "w" | "wx"): void {
  // Only for this user: variables may hold secrets.
  const file = openSync(path, flags, 0o600);
  try {
    writeFileSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
