import { type ChildProcess, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type ControlGroups, findControlGroups } from "./control-groups.ts";
import type { LaunchFile } from "./run-files.ts";

/** Linux's period for CPU quotas. */
const PERIOD_US = 100_000;

/** What keeps one run within its limits, and together. */
export interface Confinement {
  /** Control groups of the run; none where this server may not make any. */
  readonly directories: readonly string[];
  /** What was asked for and cannot be had here, one sentence each. */
  readonly warnings: readonly string[];
  /** Starts the engine inside of it. */
  launch(start: () => ChildProcess): ChildProcess;
  /** Whatever runs in it, by pid; empty without control groups. */
  processes(): readonly number[];
  /** SIGKILL to whatever runs in it. @returns how many there were. */
  kill(): number;
  /** Whether the kernel killed one of its processes for memory; null when nothing tells. */
  oom(): boolean | null;
  /** Gives it up, once nothing runs in it. */
  remove(): void;
}

/**
 * Confines the run that `launch` describes: by control groups of its own where this server may make some (version 2 when
 * delegated to it, version 1 when it is root), which also tell of a kill for memory and keep track of every process.
 * Without them a memory limit is each process's own (RLIMIT_DATA), and cores are not limited.
 */
export function confine({ limits, deploymentId, token }: LaunchFile, groups = findControlGroups()): Confinement {
  const { cpuCores, memoryBytes } = limits;
  const warnings: string[] = [];
  const name = `${deploymentId}-${token.slice(0, 8)}`;
  const memory = makeGroup(groups.memory, name, (directory) => {
    if (memoryBytes !== null) limitMemory(directory, groups, memoryBytes);
  });
  const cpu =
    cpuCores === null ? undefined : makeGroup(groups.cpu, name, (directory) => limitCpu(directory, groups, cpuCores));
  if (cpuCores !== null && !cpu) {
    warnings.push(`cpu_cores is not enforced: ${groups.why ?? "the CPU control group could not be set up"}`);
  }
  const directories = [...new Set([memory, cpu].filter((directory) => directory !== undefined))];
  return {
    directories,
    warnings,
    launch(start) {
      // A process is born into its parent's groups, so that nothing it does comes before its limits.
      const homes = directories.map((directory) => join(directory, "..", groups.home));
      for (const directory of directories) enter(directory);
      try {
        const child = start();
        if (memoryBytes !== null && !memory && child.pid !== undefined) {
          const set = limitData(child.pid, memoryBytes);
          const why = groups.why ?? "the memory control group could not be set up";
          warnings.push(
            set
              ? `memory_limit holds for the data of each process by itself (RLIMIT_DATA): ${why}`
              : `memory_limit is not enforced: ${why}`,
          );
        }
        return child;
      } finally {
        for (const directory of homes) enter(directory);
      }
    },
    processes: () => [...new Set(directories.flatMap(processesIn))],
    kill() {
      const found = new Set(directories.flatMap(processesIn));
      for (const pid of found) {
        try {
          process.kill(pid, "SIGKILL");
        } catch {
          // It ended by itself.
        }
      }
      return found.size;
    },
    oom: () => (memory === undefined ? null : oomKills(memory, groups) > 0),
    remove() {
      for (const directory of directories) {
        try {
          rmdirSync(directory);
        } catch {
          // Something is in it that cannot be killed.
        }
      }
    },
  };
}

function makeGroup(parent: string | undefined, name: string, limit: (directory: string) => void): string | undefined {
  if (parent === undefined) return undefined;
  const directory = join(parent, name);
  try {
    mkdirSync(directory, { recursive: true });
    limit(directory);
    return directory;
  } catch {
    try {
      rmdirSync(directory);
    } catch {
      // It was not made.
    }
    return undefined;
  }
}

function limitMemory(directory: string, { version }: ControlGroups, bytes: number): void {
  if (version === 2) {
    writeFileSync(join(directory, "memory.max"), String(bytes));
    optionally(join(directory, "memory.swap.max"), "0");
    // One worker less is no engine: all of them are to go, and the end is seen.
    optionally(join(directory, "memory.oom.group"), "1");
  } else {
    writeFileSync(join(directory, "memory.limit_in_bytes"), String(bytes));
    optionally(join(directory, "memory.memsw.limit_in_bytes"), String(bytes));
  }
}

function limitCpu(directory: string, { version }: ControlGroups, cores: number): void {
  const quota = Math.max(1_000, Math.round(cores * PERIOD_US));
  if (version === 2) writeFileSync(join(directory, "cpu.max"), `${quota} ${PERIOD_US}`);
  else {
    writeFileSync(join(directory, "cpu.cfs_period_us"), String(PERIOD_US));
    writeFileSync(join(directory, "cpu.cfs_quota_us"), String(quota));
  }
}

/** For this process: data of any process that `pid` becomes or starts from here on. `prlimit` is util-linux's. */
function limitData(pid: number, bytes: number): boolean {
  if (process.platform !== "linux") return false;
  return spawnSync("prlimit", ["--pid", String(pid), `--data=${bytes}`], { stdio: "ignore" }).status === 0;
}

function oomKills(directory: string, { version }: ControlGroups): number {
  const text = readOr(join(directory, version === 2 ? "memory.events" : "memory.oom_control"), "");
  return Number(/^oom_kill ([0-9]+)$/m.exec(text)?.[1] ?? 0);
}

function processesIn(directory: string): number[] {
  return readOr(join(directory, "cgroup.procs"), "").split("\n").filter(Boolean).map(Number);
}

function enter(directory: string): void {
  optionally(join(directory, "cgroup.procs"), String(process.pid));
}

/** Not every kernel has the file. */
function optionally(path: string, text: string): void {
  try {
    writeFileSync(path, text);
  } catch {
    // Then what it stands for is not there.
  }
}

function readOr(path: string, otherwise: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return otherwise;
  }
}
