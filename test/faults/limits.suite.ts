import { expect, setDefaultTimeout, test } from "bun:test";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { findControlGroups } from "../../src/deployments/drivers/process/control-groups.ts";
import { type RunFiles, runsOf } from "../../src/deployments/drivers/process/run-files.ts";
import { eventually, processRig } from "../deployments/process/rig.ts";

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

/** A file system of its own with so much space, over `directory`. */
function tmpfs(directory: string, size: string): Disposable {
  mkdirSync(directory, { recursive: true });
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${size}`, "tmpfs", directory]);
  return { [Symbol.dispose]: () => void execFileSync("umount", ["-l", directory]) };
}

test.each(["4k", "8k", "12k", "16k"])(
  "on a disk that is full after %s nothing runs that nobody could find again",
  async (size) => {
    await using t = await processRig();
    using _disk = tmpfs(join(t.dataDir, "run"), size);
    const instance = t.open().start(t.target, () => t.launch(), t.hooks);
    const ending = await Promise.race([
      instance.ended,
      eventually(() => instance.pid, "it runs").then(() => undefined),
    ]);
    if (ending) {
      expect(ending.reason).toMatch(/ENOSPC|no space|watch over it/i);
      await eventually(() => t.processes().length === 0, "nothing runs");
    } else {
      expect(t.processes()).toHaveLength(2);
    }
    await instance.stop();
    await eventually(() => t.processes().length === 0, "nothing runs");
  },
);

test("a disk that fills up while it runs keeps nobody from stopping it, and its end is told once there is space", async () => {
  await using t = await processRig();
  using _disk = tmpfs(join(t.dataDir, "run"), "64k");
  const filler = join(t.dataDir, "run", "filler");
  const fill = () => spawnSync("dd", ["if=/dev/zero", `of=${filler}`, "bs=4k"], { stdio: "ignore" });
  const first = await t.started();
  fill();
  await first.stop();
  expect(t.processes()).toEqual([]);
  rmSync(filler);
  const second = await t.started();
  fill();
  process.kill(second.pid ?? 0, "SIGKILL");
  await eventually(() => t.processes().length === 1, "only the shim is left");
  rmSync(filler);
  expect((await second.ended).signal).toBe("SIGKILL");
});
