import { readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import type { Roots } from "./roots.ts";

/** The limits that hold for this process, and the files that say how much of them is used. */
export interface ContainerLimits {
  readonly memory?: {
    readonly limitBytes: number;
    readonly usageFile: string;
    readonly statFile: string;
    /** The counter in `statFile` of page cache that can be dropped. */
    readonly inactiveKey: "inactive_file" | "total_inactive_file";
  };
  readonly cpu?: {
    /** CPUs' worth of time that may be used; may be a fraction. */
    readonly cores: number;
    readonly usageFile: string;
    readonly unit: "cpu.stat" | "nanoseconds";
  };
}

/**
 * Finds the tightest memory and CPU limits on the way from this process's control group up to the root, for version 2
 * and version 1. A limit at or above the machine's own size is none.
 *
 * @param hostMemoryBytes the machine's memory, `hostCores` its CPUs.
 */
export function readContainerLimits(roots: Roots, hostMemoryBytes: number, hostCores: number): ContainerLimits {
  const groups = read(join(roots.proc, "self/cgroup"));
  const mounts = read(join(roots.proc, "self/mountinfo"));
  if (groups === undefined || mounts === undefined) return {};
  const unified = groupDirectories(roots, groups, mounts, "");
  const memory = unified.length > 0 ? unified : groupDirectories(roots, groups, mounts, "memory");
  const cpu = unified.length > 0 ? unified : groupDirectories(roots, groups, mounts, "cpu");
  const accounting = groupDirectories(roots, groups, mounts, "cpuacct");
  const memoryLimit = tightest(
    memory.map((directory) => memoryLimitOf(directory)).filter((found) => found.value < hostMemoryBytes),
  );
  const cpuLimit = tightest(cpu.map((directory) => cpuLimitOf(directory)).filter((found) => found.value < hostCores));
  const version2 = unified.length > 0;
  const accountingOf = (directory: string) => accounting[cpu.indexOf(directory)] ?? directory;
  return {
    ...(memoryLimit && {
      memory: {
        limitBytes: memoryLimit.value,
        usageFile: join(memoryLimit.directory, version2 ? "memory.current" : "memory.usage_in_bytes"),
        statFile: join(memoryLimit.directory, "memory.stat"),
        inactiveKey: version2 ? ("inactive_file" as const) : ("total_inactive_file" as const),
      },
    }),
    ...(cpuLimit && {
      cpu: version2
        ? { cores: cpuLimit.value, usageFile: join(cpuLimit.directory, "cpu.stat"), unit: "cpu.stat" as const }
        : {
            cores: cpuLimit.value,
            usageFile: join(accountingOf(cpuLimit.directory), "cpuacct.usage"),
            unit: "nanoseconds" as const,
          },
    }),
  };
}

interface Found {
  readonly directory: string;
  readonly value: number;
}

function tightest(found: readonly Found[]): Found | undefined {
  return found.reduce<Found | undefined>((best, next) => (best && best.value <= next.value ? best : next), undefined);
}

/**
 * This process's group of `controller` ("" is version 2) and its parents, innermost first, as directories.
 *
 * In a container the mount shows a part of the hierarchy (its `root`), and the group may be given relative to that part
 * (own namespace) or in full (none).
 */
function groupDirectories(roots: Roots, groups: string, mounts: string, controller: string): string[] {
  const group = groups
    .split("\n")
    .map((line) => line.split(":"))
    .find(([, controllers]) => (controller === "" ? controllers === "" : controllers?.split(",").includes(controller)));
  const path = group?.slice(2).join(":");
  if (path === undefined) return [];
  for (const line of mounts.split("\n")) {
    const [before, after] = line.split(" - ");
    const [, , , root, mountPoint] = before?.split(" ") ?? [];
    const [type, , options] = after?.split(" ") ?? [];
    const right =
      controller === "" ? type === "cgroup2" : type === "cgroup" && options?.split(",").includes(controller);
    if (!right || root === undefined || mountPoint === undefined) continue;
    const inside = path === root ? "" : root === "/" ? relative("/", path) : relative(root, path);
    const top = join(roots.cgroupPrefix, mountPoint);
    const directories: string[] = [];
    for (let at = inside.startsWith("..") ? top : join(top, inside); ; at = dirname(at)) {
      directories.push(at);
      if (at === top || at.length <= top.length) return directories;
    }
  }
  return [];
}

function memoryLimitOf(directory: string): Found {
  const text = read(join(directory, "memory.max")) ?? read(join(directory, "memory.limit_in_bytes"));
  return { directory, value: positive(text?.trim()) };
}

function cpuLimitOf(directory: string): Found {
  const version2 = read(join(directory, "cpu.max"))?.trim().split(" ");
  const quota = version2?.[0] ?? read(join(directory, "cpu.cfs_quota_us"))?.trim();
  const period = version2?.[1] ?? read(join(directory, "cpu.cfs_period_us"))?.trim();
  return { directory, value: positive(quota) / positive(period ?? "100000") };
}

/** The number in `text`; infinity for `max`, `-1`, nothing and nonsense, which all mean "no limit". */
function positive(text: string | undefined): number {
  return text !== undefined && /^[0-9]+$/.test(text) && Number(text) > 0 ? Number(text) : Number.POSITIVE_INFINITY;
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    // Not there: another version of control groups, or none.
    return undefined;
  }
}
