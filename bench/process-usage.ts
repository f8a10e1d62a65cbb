import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** Ticks a second of the counters in /proc, e.g. 100. */
const TICKS = Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" }));

/** CPU a process has used since it started, in milliseconds, user and system together. Linux. */
export function cpuMs(pid: number): number {
  const [user, system] = cpuTicks(pid);
  return ((user + system) * 1000) / TICKS;
}

/** CPU that a process's children used which have ended, in milliseconds. Linux. */
export function childrenCpuMs(pid: number): number {
  const [, , user, system] = cpuTicks(pid);
  return ((user + system) * 1000) / TICKS;
}

/** User and system time of a process, then those of its children that have ended. */
function cpuTicks(pid: number): [number, number, number, number] {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return [Number(fields[11]), Number(fields[12]), Number(fields[13]), Number(fields[14])];
}

/** Resident memory of a process in MiB. Linux. */
export function rssMiB(pid: number): number {
  const line = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  return Number(line?.[1]) / 1024;
}
