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

/** A controller's group of this process and its parents as directories, innermost first. */
interface Hierarchy {
  readonly version: 1 | 2;
  readonly directories: readonly string[];
}

/** What /proc/self says: the groups this process is in, and where hierarchies are mounted. */
interface Membership {
  readonly roots: Roots;
  readonly groups: string;
  readonly mounts: string;
}

/**
 * Finds the tightest memory and CPU limits on the way from this process's control group up to the root. Versions 1 and 2
 * may both be mounted, each with some of the controllers. A limit at or above the machine's own size is none.
 *
 * @param hostMemoryBytes the machine's memory, `hostCores` its CPUs.
 */
export function readContainerLimits(roots: Roots, hostMemoryBytes: number, hostCores: number): ContainerLimits {
  const groups = read(join(roots.proc, "self/cgroup"));
  const mounts = read(join(roots.proc, "self/mountinfo"));
  if (groups === undefined || mounts === undefined) return {};
  const membership = { roots, groups, mounts };
  const memory = memoryLimit(membership, hostMemoryBytes);
  const cpu = cpuLimit(membership, hostCores);
  return { ...(memory && { memory }), ...(cpu && { cpu }) };
}

function memoryLimit(membership: Membership, hostBytes: number): ContainerLimits["memory"] {
  const { version, directories } = hierarchyOf(membership, "memory");
  const found = tightest(directories, hostBytes, (directory) =>
    limitIn(read(join(directory, version === 2 ? "memory.max" : "memory.limit_in_bytes"))),
  );
  if (!found) return undefined;
  return {
    limitBytes: found.value,
    usageFile: join(found.directory, version === 2 ? "memory.current" : "memory.usage_in_bytes"),
    statFile: join(found.directory, "memory.stat"),
    inactiveKey: version === 2 ? "inactive_file" : "total_inactive_file",
  };
}

function cpuLimit(membership: Membership, hostCores: number): ContainerLimits["cpu"] {
  const { version, directories } = hierarchyOf(membership, "cpu");
  const found = tightest(directories, hostCores, (directory) => quotaOf(directory, version));
  if (!found) return undefined;
  if (version === 2) return { cores: found.value, usageFile: join(found.directory, "cpu.stat"), unit: "cpu.stat" };
  // Version 1 counts in a hierarchy of its own, usually mounted together with the one that limits.
  const accounting = hierarchyOf(membership, "cpuacct").directories[directories.indexOf(found.directory)];
  const usageFile = join(accounting ?? found.directory, "cpuacct.usage");
  return { cores: found.value, usageFile, unit: "nanoseconds" };
}

/** CPUs' worth of time a period that `directory` allows. */
function quotaOf(directory: string, version: 1 | 2): number {
  const [quota, period] =
    version === 2
      ? (read(join(directory, "cpu.max"))?.trim().split(" ") ?? [])
      : [read(join(directory, "cpu.cfs_quota_us")), read(join(directory, "cpu.cfs_period_us"))];
  const micros = limitIn(period);
  return Number.isFinite(micros) ? limitIn(quota) / micros : Number.POSITIVE_INFINITY;
}

function tightest(
  directories: readonly string[],
  hostValue: number,
  limitOf: (directory: string) => number,
): { directory: string; value: number } | undefined {
  let best: { directory: string; value: number } | undefined;
  for (const directory of directories) {
    const value = limitOf(directory);
    if (value < (best?.value ?? hostValue)) best = { directory, value };
  }
  return best;
}

/** A controller belongs to version 1 where it is mounted as such, else to version 2. */
function hierarchyOf(membership: Membership, controller: string): Hierarchy {
  const directories = groupDirectories(membership, controller);
  return directories.length > 0
    ? { version: 1, directories }
    : { version: 2, directories: groupDirectories(membership, "") };
}

/**
 * This process's group of `controller` ("" is version 2) and its parents, innermost first, as directories.
 *
 * In a container the mount shows a part of the hierarchy (its `root`), and the group may be given relative to that part
 * (own namespace) or in full (none).
 */
function groupDirectories({ roots, groups, mounts }: Membership, controller: string): string[] {
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
    const top = join(roots.cgroupPrefix, mountPoint);
    const inside = relative(root, path);
    const directories: string[] = [];
    // A group outside of what the mount shows is seen only through the limits at the mount's top.
    for (let at = inside.startsWith("..") ? top : join(top, inside); ; at = dirname(at)) {
      directories.push(at);
      if (at.length <= top.length) return directories;
    }
  }
  return [];
}

/** The number in `text`; infinity for `max`, `-1`, nothing and nonsense, which all mean "no limit". */
function limitIn(text: string | undefined): number {
  const digits = text?.trim() ?? "";
  return /^[0-9]+$/.test(digits) && Number(digits) > 0 ? Number(digits) : Number.POSITIVE_INFINITY;
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    // Not there: another version of control groups, or none.
    return undefined;
  }
}
