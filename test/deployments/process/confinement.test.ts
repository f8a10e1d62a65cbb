import { expect, test } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { confine } from "../../../src/deployments/drivers/process/confinement.ts";
import {
  findControlGroups,
  type Membership,
  prepareControlGroups,
} from "../../../src/deployments/drivers/process/control-groups.ts";
import type { LaunchFile } from "../../../src/deployments/drivers/process/run-files.ts";
import { tempDir } from "../../temp-dir.ts";

/** Directories that look like a hierarchy of control groups, with this process in the group `path`. */
function hierarchy(path: string, type: "cgroup2" | "cgroup" = "cgroup2", controllers = "") {
  const dir = tempDir();
  const own = join(dir.path, path);
  mkdirSync(own, { recursive: true });
  const write = (directory: string, name: string, text: string) => writeFileSync(join(directory, name), text);
  write(own, "cgroup.procs", `${process.pid}\n`);
  write(join(own, ".."), "cgroup.procs", "");
  const membership: Membership = {
    groups: type === "cgroup2" ? `0::${path}\n` : `4:${controllers}:${path}\n0::/\n`,
    mounts: `31 23 0:28 / ${dir.path} rw,relatime - ${type} ${type} rw,${controllers}\n`,
  };
  return { own, membership, write, [Symbol.dispose]: () => dir[Symbol.dispose]() };
}

function launch(limits: LaunchFile["limits"]): LaunchFile {
  return {
    ...{
      deploymentId: "dep-1",
      token: "0123456789",
      mark: "/x",
      startedAt: 1,
      runtime: "x",
      host: "x",
      port: 1,
      argv: [],
      env: {},
    },
    ...{ workingDirectory: null, limits, stop: { signal: "SIGTERM", graceMs: 1 }, logDirectory: "/x" },
  };
}

function text(...path: readonly string[]): string {
  return readFileSync(join(...path), "utf8");
}

const LIMITS = { cpuCores: 1.5, memoryBytes: 2 ** 30, gpus: null };

test("a delegated group of version 2 is made ready once, and each run gets one of its own beside the server's", () => {
  using found = hierarchy("/system.slice/llm-manager.service");
  prepareControlGroups(found.membership);
  expect(text(found.own, "llm-manager-server", "cgroup.procs")).toBe(String(process.pid));
  expect(text(found.own, "cgroup.subtree_control")).toBe("+memory +cpu");
  // What the kernel makes of it.
  found.write(found.own, "cgroup.subtree_control", "cpu memory\n");
  const moved = { ...found.membership, groups: "0::/system.slice/llm-manager.service/llm-manager-server\n" };
  const groups = findControlGroups(moved);
  expect(groups).toMatchObject({ version: 2, memory: found.own, cpu: found.own });
  const confinement = confine(launch(LIMITS), groups);
  const directory = join(found.own, "dep-1-01234567");
  expect(confinement).toMatchObject({ warnings: [], directories: [directory] });
  expect(text(directory, "memory.max")).toBe(String(2 ** 30));
  expect(text(directory, "cpu.max")).toBe("150000 100000");
  expect(text(directory, "memory.oom.group")).toBe("1");
  expect(confinement.oom()).toBe(false);
  writeFileSync(join(directory, "memory.events"), "low 0\nhigh 0\nmax 12\noom 1\noom_kill 3\noom_group_kill 1\n");
  expect(confinement.oom()).toBe(true);
});

test("a group with other processes in it, a shell's for one, is left as it is; then limits are said not to hold", () => {
  using found = hierarchy("/user.slice/session-3.scope");
  found.write(found.own, "cgroup.procs", `${process.pid}\n1\n`);
  prepareControlGroups(found.membership);
  const groups = findControlGroups(found.membership);
  expect(groups).toMatchObject({ memory: undefined, cpu: undefined });
  const confinement = confine(launch(LIMITS), groups);
  expect(confinement).toMatchObject({
    directories: [],
    warnings: [
      "cpu_cores is not enforced: no version 2 control group was delegated to this server (systemd: Delegate=yes)",
    ],
  });
  expect(confinement.oom()).toBeNull();
});

test("version 1 has a group for each controller", () => {
  using found = hierarchy("/service", "cgroup", "memory,cpu");
  const groups = findControlGroups(found.membership);
  expect(groups).toMatchObject({ version: 1, memory: found.own, cpu: found.own });
  confine(launch(LIMITS), groups);
  expect(text(found.own, "dep-1-01234567", "memory.limit_in_bytes")).toBe(String(2 ** 30));
  expect(text(found.own, "dep-1-01234567", "cpu.cfs_quota_us")).toBe("150000");
});

test("without control groups nothing is made, and nothing is claimed", () => {
  expect(findControlGroups({ groups: "0::/\n", mounts: "1 2 0:1 / /proc rw - proc proc rw\n" }).memory).toBeUndefined();
  expect(confine(launch({ ...LIMITS, cpuCores: null }), findControlGroups({ groups: "x", mounts: "x" }))).toMatchObject(
    {
      directories: [],
      warnings: [],
    },
  );
});
