import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";

/**
 * Which process is meant. A pid alone is used again sooner or later; together with when it began, and in which boot of
 * the machine, it never is.
 */
export interface ProcessIdentity {
  readonly pid: number;
  /** Linux: clock ticks since boot. macOS: the time `ps` shows. */
  readonly startTime: string;
  /** Of the machine; empty where the system has none. */
  readonly bootId: string;
}

/** What `/proc/PID/stat` says of a process. */
export interface ProcessStat {
  readonly group: number;
  readonly startTime: string;
  /** Memory in use, in pages. */
  readonly residentPages: number;
}

/** A running process's identity; undefined when there is none with this pid, or nothing but its exit status is left. */
export function identify(pid: number): ProcessIdentity | undefined {
  const startTime = startTimeOf(pid);
  return startTime === undefined ? undefined : { pid, startTime, bootId: bootId() };
}

export function isAlive({ pid, startTime, bootId: boot }: ProcessIdentity): boolean {
  return boot === bootId() && startTimeOf(pid) === startTime;
}

/** Sends `signal` to a process, or with a negative pid to a group. @returns whether there was anybody. */
export function send(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(pid, signal);
    return true;
  } catch (error) {
    // EPERM: it is there, and not ours to signal.
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** Linux only; undefined when there is no such process, or nothing but its exit status is left. */
export function statOf(pid: number): ProcessStat | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  } catch {
    return undefined;
  }
  // `PID (name) state parent group …`, where the name may hold anything. See proc_pid_stat(5), whose count starts at 1.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  // Z: it has ended and its parent has not asked for the exit status yet. X: it is being removed.
  if (fields[0] === "Z" || fields[0] === "X") return undefined;
  return { group: Number(fields[2]), startTime: fields[19] ?? "", residentPages: Number(fields[21]) };
}

function startTimeOf(pid: number): string | undefined {
  if (process.platform === "linux") return statOf(pid)?.startTime;
  const { stdout } = spawnSync("ps", ["-o", "stat=,lstart=", "-p", String(pid)], { encoding: "utf8" });
  const [, state, started] = /^\s*(\S+)\s+(.+?)\s*$/.exec(stdout ?? "") ?? [];
  return state === undefined || state.startsWith("Z") ? undefined : started;
}

let boot: string | undefined;

/** A random number of this boot; the time of the boot would not do, as the clock can be set. */
function bootId(): string {
  boot ??= readBootId();
  return boot;
}

function readBootId(): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
  } catch {
    return "";
  }
}
