import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "../../../clock.ts";
import type { StopPolicy } from "../driver.ts";
import { isAlive, type ProcessIdentity, send, statOf } from "./identity.ts";

/**
 * The variable that holds a run's directory, in whatever the run started: found by it, also when it has left its process
 * group, or when the directory was removed by hand.
 */
export const RUN_VARIABLE = "LLM_MANAGER_RUN";

/** Between two looks whether they are gone. */
const POLL_MS = 50;
/** SIGKILL cannot be refused; what is there longer than this hangs in the kernel, and is told of. */
const KILL_MS = 5_000;

export interface EngineProcessesParts {
  readonly leader: ProcessIdentity;
  /** The run's directory, see `RUN_VARIABLE`. */
  readonly mark: string;
  /** Control groups of the run's own. */
  readonly cgroups: readonly string[];
  /** Whether this process is the leader's parent: then the group is known to be its, also when it has ended. */
  readonly ours: boolean;
  readonly clock: Clock;
}

/**
 * All processes of one run: the engine, which leads a process group; the others in that group; whatever else carries the
 * run's mark in its environment, such as what made itself a daemon; and what is in its control groups.
 */
export class EngineProcesses {
  readonly #parts: EngineProcessesParts;

  constructor(parts: EngineProcessesParts) {
    this.#parts = parts;
  }

  /** Those that are there now. On other systems than Linux only the group is known, and counts as one. */
  list(): number[] {
    const { leader, cgroups } = this.#parts;
    const led = this.#ledGroup();
    if (process.platform !== "linux") return led !== undefined && send(-led, 0) ? [leader.pid] : [];
    const mark = `${RUN_VARIABLE}=${this.#parts.mark}`;
    const found = new Set(cgroups.flatMap(processesIn));
    for (const pid of processes()) {
      const stat = statOf(pid);
      if (stat && ((led !== undefined && stat.group === led) || environmentOf(pid).includes(mark))) found.add(pid);
    }
    return [...found];
  }

  /** Asks them to end as the recipe says, and kills what is there after the grace. @returns whether they are gone. */
  async end(stop: StopPolicy): Promise<boolean> {
    const { clock } = this.#parts;
    this.#signal(stop.signal);
    const deadline = clock.monotonic() + stop.graceMs;
    while (this.#mayBeThere() && clock.monotonic() < deadline) await wait(clock, POLL_MS);
    return await this.kill();
  }

  /** SIGKILL until none is there. @returns whether they are gone. */
  async kill(): Promise<boolean> {
    const { clock } = this.#parts;
    const deadline = clock.monotonic() + KILL_MS;
    for (;;) {
      this.#signal("SIGKILL");
      // Those in control groups of which only the exit status is left are no processes any more.
      const left = this.list().filter((pid) => process.platform !== "linux" || statOf(pid) !== undefined);
      if (left.length === 0) return true;
      for (const pid of left) send(pid, "SIGKILL");
      if (clock.monotonic() > deadline) return false;
      await wait(clock, POLL_MS);
    }
  }

  #signal(signal: NodeJS.Signals): void {
    const led = this.#ledGroup();
    if (led !== undefined) send(-led, signal);
    else for (const pid of this.list()) send(pid, signal);
  }

  /** The group, as long as its number cannot have become another one's. */
  #ledGroup(): number | undefined {
    const { leader, ours } = this.#parts;
    return ours || isAlive(leader) ? leader.pid : undefined;
  }

  /** Without searching all processes as long as the one that leads them is there. */
  #mayBeThere(): boolean {
    return isAlive(this.#parts.leader) || this.list().length > 0;
  }
}

export function wait(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => void clock.after(ms, resolve));
}

export function processesIn(cgroup: string): number[] {
  try {
    return readFileSync(join(cgroup, "cgroup.procs"), "utf8").split("\n").filter(Boolean).map(Number);
  } catch {
    // It was removed.
    return [];
  }
}

/** The runs in `runDirectory` of which something is there, by their directories. Linux only. */
export function markedRuns(runDirectory: string): string[] {
  if (process.platform !== "linux") return [];
  const beginning = `${RUN_VARIABLE}=${runDirectory}/`;
  const marks = processes().flatMap((pid) =>
    environmentOf(pid)
      .split("\0")
      .filter((variable) => variable.startsWith(beginning))
      .map((variable) => variable.slice(RUN_VARIABLE.length + 1)),
  );
  return [...new Set(marks)];
}

function processes(): number[] {
  return readdirSync("/proc")
    .filter((name) => /^[0-9]+$/.test(name))
    .map(Number);
}

function environmentOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, "latin1");
  } catch {
    // Gone meanwhile, or somebody else's.
    return "";
  }
}
