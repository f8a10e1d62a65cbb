import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type ContainerLimits, readContainerLimits } from "../../src/resources/cgroup.ts";
import { captured, tree } from "./support.ts";

const GIB = 2 ** 30;
const HOST_MEMORY = 64 * GIB;
const HOST_CORES = 16;

type Setup = "hybrid" | "docker-v1" | "docker-v2" | "kubernetes-v1" | "systemd-v2";

/** The limits found with the groups and mounts of `setup` and these files under /sys/fs/cgroup. */
function limitsOf(setup: Setup, files: Readonly<Record<string, string>>): ContainerLimits {
  using machine = tree({
    "proc/self/cgroup": captured(`cgroup/${setup}/cgroup`),
    "proc/self/mountinfo": captured(`cgroup/${setup}/mountinfo`),
  });
  for (const [name, text] of Object.entries(files)) machine.write(`sys/fs/cgroup/${name}`, text);
  const { memory, cpu } = readContainerLimits(machine.roots, HOST_MEMORY, HOST_CORES);
  const shown = (path: string) => path.slice(`${machine.path}/sys/fs/cgroup/`.length);
  return {
    ...(memory && { memory: { ...memory, usageFile: shown(memory.usageFile), statFile: shown(memory.statFile) } }),
    ...(cpu && { cpu: { ...cpu, usageFile: shown(cpu.usageFile) } }),
  };
}

describe("control groups, version 2", () => {
  test("a container sees its limits at the top of the mount", () => {
    expect(limitsOf("docker-v2", { "memory.max": "536870912\n", "cpu.max": "150000 100000\n" })).toEqual({
      memory: {
        limitBytes: 536_870_912,
        usageFile: "memory.current",
        statFile: "memory.stat",
        inactiveKey: "inactive_file",
      },
      cpu: { cores: 1.5, usageFile: "cpu.stat", unit: "cpu.stat" },
    });
  });

  test("'max' and limits that are no less than the machine are none", () => {
    expect(limitsOf("docker-v2", { "memory.max": "max\n", "cpu.max": "max 100000\n" })).toEqual({});
    expect(limitsOf("docker-v2", { "memory.max": `${HOST_MEMORY}\n`, "cpu.max": "1600000 100000\n" })).toEqual({});
    expect(limitsOf("docker-v2", {})).toEqual({});
  });

  test("the tightest limit among the group and its parents holds, with that group's usage", () => {
    const limits = limitsOf("systemd-v2", {
      "system.slice/memory.max": `${8 * GIB}\n`,
      "system.slice/llm.slice/memory.max": `${2 * GIB}\n`,
      "system.slice/llm.slice/llm-manager.service/memory.max": `${4 * GIB}\n`,
      "system.slice/cpu.max": "200000 100000\n",
      "system.slice/llm.slice/llm-manager.service/cpu.max": "max 100000\n",
    });
    expect(limits.memory).toMatchObject({
      limitBytes: 2 * GIB,
      usageFile: "system.slice/llm.slice/memory.current",
    });
    expect(limits.cpu).toEqual({ cores: 2, usageFile: "system.slice/cpu.stat", unit: "cpu.stat" });
  });
});

describe("control groups, version 1", () => {
  test("a container without a namespace of its own sees its limits at the top of the mount", () => {
    expect(
      limitsOf("docker-v1", {
        "memory/memory.limit_in_bytes": `${3 * GIB}\n`,
        "cpu,cpuacct/cpu.cfs_quota_us": "50000\n",
        "cpu,cpuacct/cpu.cfs_period_us": "100000\n",
      }),
    ).toEqual({
      memory: {
        limitBytes: 3 * GIB,
        usageFile: "memory/memory.usage_in_bytes",
        statFile: "memory/memory.stat",
        inactiveKey: "total_inactive_file",
      },
      cpu: { cores: 0.5, usageFile: "cpu,cpuacct/cpuacct.usage", unit: "nanoseconds" },
    });
  });

  test("a pod sees its limits though its group is named in full", () => {
    const limits = limitsOf("kubernetes-v1", {
      "memory/memory.limit_in_bytes": `${GIB}\n`,
      "cpu/cpu.cfs_quota_us": "200000\n",
      "cpu/cpu.cfs_period_us": "100000\n",
    });
    expect(limits.memory?.limitBytes).toBe(GIB);
    expect(limits.cpu?.cores).toBe(2);
  });

  test("the kernel's words for no limit are none", () => {
    expect(
      limitsOf("docker-v1", {
        "memory/memory.limit_in_bytes": "9223372036854771712\n",
        "cpu,cpuacct/cpu.cfs_quota_us": "-1\n",
        "cpu,cpuacct/cpu.cfs_period_us": "100000\n",
      }),
    ).toEqual({});
  });

  test("limits of version 1 hold where an empty version 2 is mounted beside it", () => {
    const limits = limitsOf("hybrid", {
      "memory/jobs/build/memory.limit_in_bytes": `${5 * GIB}\n`,
      "memory/jobs/memory.limit_in_bytes": `${6 * GIB}\n`,
      "memory/memory.limit_in_bytes": "9223372036854771712\n",
      "cpu/cpu.cfs_quota_us": "300000\n",
      "cpu/cpu.cfs_period_us": "100000\n",
      "unified/cgroup.controllers": "\n",
    });
    expect(limits.memory).toMatchObject({
      limitBytes: 5 * GIB,
      usageFile: "memory/jobs/build/memory.usage_in_bytes",
    });
    // CPU time is counted in a hierarchy of its own here.
    expect(limits.cpu).toEqual({ cores: 3, usageFile: "cpuacct/cpuacct.usage", unit: "nanoseconds" });
  });
});

test("nonsense in the kernel's files is no limit and no error", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (groups, mounts) => {
      using machine = tree({ "proc/self/cgroup": groups, "proc/self/mountinfo": mounts });
      expect(readContainerLimits(machine.roots, HOST_MEMORY, HOST_CORES)).toEqual({});
    }),
    { numRuns: 50 },
  );
});

test("a machine without control groups has no limits", () => {
  using machine = tree();
  expect(readContainerLimits(machine.roots, HOST_MEMORY, HOST_CORES)).toEqual({});
});
