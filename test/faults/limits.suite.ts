import { expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { findControlGroups } from "../../src/deployments/drivers/process/control-groups.ts";
import { type RunFiles, runsOf } from "../../src/deployments/drivers/process/run-files.ts";
import { processRig } from "../deployments/process/rig.ts";

setDefaultTimeout(120_000);

/** Needs control groups that this user may make: root, or a delegated one. */
test("the kernel's kill for memory is told as such, and the control group is gone afterwards", async () => {
  expect(findControlGroups().memory).toBeDefined();
  await using t = await processRig();
  const limits = { cpuCores: 0.5, memoryBytes: 200 * 2 ** 20, gpus: null };
  const flags = ["--allocate", String(600 * 2 ** 20)];
  const instance = t.open().start(t.target, () => t.launch(flags, { limits }), t.hooks);
  const ending = await instance.ended;
  expect(ending).toMatchObject({ oom: true, reason: expect.stringContaining("too much memory") });
  expect(t.processes()).toEqual([]);
});

test("what fits runs within its limits", async () => {
  await using t = await processRig();
  const limits = { cpuCores: 0.5, memoryBytes: 400 * 2 ** 20, gpus: null };
  const instance = await t.started([], { limits });
  expect(instance.warnings).toEqual([]);
  const [files] = runsOf(join(t.dataDir, "run"), "dep-1") as [RunFiles];
  const groups = files.state()?.cgroups ?? [];
  expect(groups.length).toBeGreaterThan(0);
  for (const group of groups) {
    expect(readFileSync(join(group, "cgroup.procs"), "utf8").trim().split("\n")).toEqual([String(instance.pid)]);
  }
  await instance.stop();
  for (const group of groups) expect(() => readFileSync(join(group, "cgroup.procs"))).toThrow();
});
