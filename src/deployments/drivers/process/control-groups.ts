import { accessSync, constants, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";

/** Where this server can make control groups. */
export interface ControlGroups {
  readonly version: 1 | 2;
  /** Directories in which a group for memory, or CPU, can be made; undefined where that is not possible. */
  readonly memory: string | undefined;
  readonly cpu: string | undefined;
  /** The group beside those of the engines that the shims are in, by name; empty when that is the parent itself. */
  readonly home: string;
  /** Why there are none, for people. */
  readonly why: string | undefined;
}

/** Beside the engines' groups: version 2 allows processes only in groups that have no groups. */
const SERVER_GROUP = "llm-manager-server";

const NONE: ControlGroups = {
  version: 2,
  memory: undefined,
  cpu: undefined,
  home: "",
  why: "this system has no control groups that this server may use",
};

/** What the kernel says of this process, and where it says so; tests hand in directories of their own. */
export interface Membership {
  readonly groups: string;
  readonly mounts: string;
}

/**
 * Finds the control groups that this process may make more in: the version 2 group that was delegated to it and prepared
 * (`prepareControlGroups`), or where memory is a version 1 hierarchy, its own group there.
 */
export function findControlGroups(membership: Membership | undefined = readMembership()): ControlGroups {
  if (!membership) return NONE;
  const memory = groupDirectory(membership, "memory");
  if (memory !== undefined) {
    const cpu = groupDirectory(membership, "cpu");
    const own = { memory: writable(memory), cpu: cpu === undefined ? undefined : writable(cpu) };
    return { ...NONE, version: 1, ...own, why: own.memory && own.cpu ? undefined : NONE.why };
  }
  const own = groupDirectory(membership, "");
  if (own === undefined || basename(own) !== SERVER_GROUP) {
    return { ...NONE, why: "no version 2 control group was delegated to this server (systemd: Delegate=yes)" };
  }
  const parent = dirname(own);
  const enabled = readOr(join(parent, "cgroup.subtree_control"), "").split(/\s+/);
  return {
    version: 2,
    memory: enabled.includes("memory") ? writable(parent) : undefined,
    cpu: enabled.includes("cpu") ? writable(parent) : undefined,
    home: SERVER_GROUP,
    why: undefined,
  };
}

/**
 * Makes a delegated version 2 group ready: this process moves into a group inside of it, so that there may be others
 * beside. Only where it is alone in its group, as a service is; a shell's group is left as it is. Once, at the start.
 */
export function prepareControlGroups(membership: Membership | undefined = readMembership()): void {
  if (!membership || groupDirectory(membership, "memory") !== undefined) return;
  const own = groupDirectory(membership, "");
  if (own === undefined) return;
  if (basename(own) === SERVER_GROUP) {
    // systemd's DelegateSubgroup= has made it; the controllers are left to whom it is delegated to.
    enable(dirname(own));
    return;
  }
  if (writable(own) === undefined) return;
  const inside = readOr(join(own, "cgroup.procs"), "").split("\n").filter(Boolean);
  if (inside.some((pid) => pid !== String(process.pid))) return;
  const server = join(own, SERVER_GROUP);
  try {
    mkdirSync(server, { recursive: true });
    writeFileSync(join(server, "cgroup.procs"), String(process.pid));
  } catch {
    // Not delegated after all.
    return;
  }
  if (enable(own)) return;
  try {
    writeFileSync(join(own, "cgroup.procs"), String(process.pid));
    rmdirSync(server);
  } catch {
    // It stays in a group of its own, which limits nothing.
  }
}

/** @returns whether the groups in `directory` can have limits. */
function enable(directory: string): boolean {
  try {
    writeFileSync(join(directory, "cgroup.subtree_control"), "+memory +cpu");
    return true;
  } catch {
    // Without these controllers, or with processes of its own.
    return false;
  }
}

function readMembership(): Membership | undefined {
  const groups = readOr("/proc/self/cgroup", "");
  const mounts = readOr("/proc/self/mountinfo", "");
  return groups === "" || mounts === "" ? undefined : { groups, mounts };
}

/** This process's group of `controller` ("" is version 2) as a directory; undefined where it is not mounted. */
function groupDirectory({ groups, mounts }: Membership, controller: string): string | undefined {
  const line = groups
    .split("\n")
    .map((each) => each.split(":"))
    .find(([, controllers]) => (controller === "" ? controllers === "" : controllers?.split(",").includes(controller)));
  const path = line?.slice(2).join(":");
  if (path === undefined) return undefined;
  for (const mount of mounts.split("\n")) {
    const [before, after] = mount.split(" - ");
    const [, , , root, point] = before?.split(" ") ?? [];
    const [type, , options] = after?.split(" ") ?? [];
    const right =
      controller === "" ? type === "cgroup2" : type === "cgroup" && options?.split(",").includes(controller);
    if (!right || root === undefined || point === undefined) continue;
    // In a container the mount shows a part of the hierarchy, and the path may be outside of what is shown.
    const inside = relative(root, path);
    return inside.startsWith("..") ? point : join(point, inside);
  }
  return undefined;
}

function writable(directory: string): string | undefined {
  try {
    accessSync(join(directory, "cgroup.procs"), constants.W_OK);
    accessSync(directory, constants.W_OK);
    return directory;
  } catch {
    // Read-only, as in most containers, or somebody else's.
    return undefined;
  }
}

function readOr(path: string, otherwise: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return otherwise;
  }
}
