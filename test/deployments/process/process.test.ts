import { describe, expect, test } from "bun:test";
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { BLANK } from "../../../src/config/shipped-recipes.ts";
import { identify, isAlive } from "../../../src/deployments/drivers/process/identity.ts";
import { RunFiles, runsOf } from "../../../src/deployments/drivers/process/run-files.ts";
import { eventually, processRig } from "./rig.ts";

function runs(dataDir: string): RunFiles[] {
  return runsOf(join(dataDir, "run"), "dep-1");
}

describe("a process", () => {
  test("runs under a shim until it is stopped, and then nothing of it is left", async () => {
    await using t = await processRig();
    const instance = await t.started();
    expect(t.processes()).toHaveLength(2);
    expect(isAlive(identify(instance.pid ?? 0) ?? { pid: 0, startTime: "", bootId: "" })).toBe(true);
    await instance.stop();
    expect(t.processes()).toEqual([]);
    expect(existsSync(join(t.dataDir, "run", "dep-1"))).toBe(false);
    expect(t.log()).toContain(`"port":${t.port}`);
  });

  test("that ignores SIGTERM is killed after its grace, with the children it has in its group and outside of it", async () => {
    await using t = await processRig();
    const stop = { signal: "SIGTERM", graceMs: 300 } as const;
    const instance = await t.started(["--ignore-sigterm", "--spawn-child", "session"], { stop });
    expect(t.processes().length).toBeGreaterThanOrEqual(3);
    await instance.stop();
    expect(t.processes()).toEqual([]);
    expect(t.log()).toContain("SIGTERM is ignored");
  });

  test("whose child stays in the group is stopped with it", async () => {
    await using t = await processRig();
    const instance = await t.started(["--spawn-child", "group"]);
    await instance.stop();
    expect(t.processes()).toEqual([]);
  });

  test("can be stopped while it is only about to begin", async () => {
    await using t = await processRig();
    for (const waitMs of [0, 5, 20, 40, 60, 90]) {
      const instance = t.open().start({ ...t.target, startedAt: waitMs }, () => t.launch(), t.hooks);
      await new Promise((resolve) => setTimeout(resolve, waitMs));
      await instance.stop();
      await eventually(() => t.processes().length === 0, "nothing runs");
      expect(runs(t.dataDir)).toEqual([]);
    }
  });
});

describe("how it ended is told", () => {
  test.each([
    [["--exit-code", "3", "--say", "no such layer"], { exitCode: 3, signal: null }, "it ended with exit code 3"],
    [["--exit-code", "0"], { exitCode: 0 }, "it ended with exit code 0"],
  ])("%j", async (flags, facts, reason) => {
    await using t = await processRig();
    const ending = await t.open().start(t.target, () => t.launch(flags), t.hooks).ended;
    expect(ending).toMatchObject({ ...facts, reason });
    if (flags.includes("--say")) expect(ending.lastLines).toEqual(["no such layer"]);
    expect(t.processes()).toEqual([]);
  });

  test("a signal from outside, and what it left behind is ended", async () => {
    await using t = await processRig();
    const instance = await t.started(["--spawn-child", "session"]);
    process.kill(instance.pid ?? 0, "SIGKILL");
    expect(await instance.ended).toMatchObject({
      signal: "SIGKILL",
      exitCode: null,
      reason: "it was ended by SIGKILL",
    });
    expect(t.processes()).toEqual([]);
  });

  test("one that forks into the background does not run on unseen", async () => {
    await using t = await processRig();
    const { reason, hint } = await t.open().start(t.target, () => t.launch(["--fork"]), t.hooks).ended;
    expect(reason).toMatch(/^it ended with exit code 0 and left/);
    expect(hint).toBeDefined();
    await eventually(() => t.processes().length === 0, "nothing runs");
  });

  test("an executable that is missing, or none", async () => {
    await using t = await processRig();
    const argv = [join(t.dataDir, "nothing"), "--port", "1"];
    const ending = await t.open().start(t.target, () => t.launch([], { argv }), t.hooks).ended;
    expect(ending.reason).toMatch(/^it could not be started: .*ENOENT/);
    const thrown = t.open().start(
      { ...t.target, startedAt: 2 },
      () => {
        throw new Error("no recipe");
      },
      t.hooks,
    );
    expect(await thrown.ended).toEqual({ reason: "no recipe" });
    expect(t.processes()).toEqual([]);
  });

  test("the shim is killed: the engine is ended as well, and nothing is left", async () => {
    await using t = await processRig();
    const instance = await t.started();
    const [files] = runs(t.dataDir);
    const claim = files?.claimed();
    if (typeof claim !== "object" || !claim.shim) throw new Error("no claim");
    const groups = files?.state()?.cgroups ?? [];
    process.kill(claim.shim.pid, "SIGKILL");
    expect((await instance.ended).reason).toBe("the process that watches over it was killed, so it was ended as well");
    expect(t.processes()).toEqual([]);
    await instance.stop();
    expect(groups.filter((group) => existsSync(group))).toEqual([]);
  });
});

describe("a server that comes later", () => {
  test("adopts what runs, and stops it", async () => {
    await using t = await processRig();
    const first = await t.started();
    first.release();
    const { pid } = first;
    const second = t.open().adopt(t.target, t.hooks);
    expect(second.pid).toBe(pid);
    expect(await t.answers()).toBe(true);
    await second.stop();
    expect(t.processes()).toEqual([]);
  });

  test("takes the same start over instead of starting twice, and another one's place", async () => {
    await using t = await processRig();
    const first = await t.started();
    first.release();
    const refuse = () => {
      throw new Error("a double start");
    };
    const second = t.open().start(t.target, refuse, t.hooks);
    expect(second.pid).toBe(first.pid);
    second.release();
    const third = t.open().start({ ...t.target, startedAt: 2_000 }, () => t.launch(), t.hooks);
    await eventually(() => third.pid, "the restart began");
    expect(third.pid).not.toBe(first.pid);
    await eventually(t.answers, "it answers");
    expect(t.processes()).toHaveLength(2);
  });

  test("does not take the answers of the run before for those of the one it starts", async () => {
    await using t = await processRig();
    const first = await t.started(["--linger-ms", "500"]);
    first.release();
    const second = t.open().start({ ...t.target, startedAt: 2_000 }, () => t.launch(), t.hooks);
    expect(await t.answers()).toBe(true);
    await second.begun;
    expect(await t.answers()).toBe(false);
    await eventually(t.answers, "the second one answers");
    await second.stop();
  });

  test("learns how it ended meanwhile", async () => {
    await using t = await processRig();
    const first = await t.started();
    first.release();
    process.kill(first.pid ?? 0, "SIGSEGV");
    await eventually(() => t.processes().length === 0, "it is gone");
    expect(await t.open().adopt(t.target, t.hooks).ended).toMatchObject({ signal: "SIGSEGV" });
    // The same once more: until somebody stops it, as the server may be killed before it has written that down.
    const again = t.open().start(t.target, () => t.launch(), t.hooks);
    expect(await again.ended).toMatchObject({ signal: "SIGSEGV" });
    await again.stop();
    expect(await t.open().adopt(t.target, t.hooks).ended).toMatchObject({
      reason: "it is gone, and nobody saw how it ended",
    });
  });

  test("never mistakes another process with the same pid for it", async () => {
    await using t = await processRig();
    // What is left of a run before a restart of the machine: the pids belong to somebody else now.
    const stranger = identify(process.pid);
    if (!stranger) throw new Error("this process is not alive");
    for (const wrong of [{ startTime: "1" }, { bootId: "another boot" }]) {
      const files = new RunFiles(join(t.dataDir, "run", "dep-1", "00"));
      const { argv, env, host, port, limits, stop } = t.launch();
      const launch = { argv, env, host, port, limits, stop, runtime: "fake", workingDirectory: null };
      files.create({
        ...launch,
        deploymentId: "dep-1",
        token: "00",
        mark: files.directory,
        startedAt: 1_000,
        logDirectory: t.dataDir,
      });
      files.claim({ shim: { ...stranger, ...wrong } });
      files.writeState({ engine: { ...stranger, ...wrong }, warnings: [], cgroups: [] });
      const instance = t.open().adopt(t.target, t.hooks);
      expect((await instance.ended).reason).toBe("it is gone, and nobody saw how it ended");
      await instance.stop();
      expect(runs(t.dataDir)).toEqual([]);
    }
  });

  test("that finds a start nobody began makes it void, so that a late shim starts nothing", async () => {
    await using t = await processRig();
    const files = new RunFiles(join(t.dataDir, "run", "dep-1", "00"));
    const { argv, env, host, port, limits, stop } = t.launch();
    const launch = { argv, env, host, port, limits, stop, runtime: "fake", workingDirectory: null };
    files.create({
      ...launch,
      deploymentId: "dep-1",
      token: "00",
      mark: files.directory,
      startedAt: 1_000,
      logDirectory: t.dataDir,
    });
    expect(files.claim({ shim: null })).toBe(true);
    expect(files.claim({ shim: identify(process.pid) ?? null })).toBe(false);
    const instance = t.open().start(t.target, () => t.launch(), t.hooks);
    await eventually(t.answers, "it runs");
    expect(runs(t.dataDir)).toHaveLength(1);
    await instance.stop();
  });

  test("sweeps away what belongs to no deployment that may run", async () => {
    await using t = await processRig();
    const kept = await t.started();
    kept.release();
    const orphan = t.open().start({ ...t.target, deploymentId: "dep-2" }, () => t.launch(["--port", "0"]), t.hooks);
    await eventually(() => orphan.pid, "the other one runs");
    orphan.release();
    expect(t.processes()).toHaveLength(4);
    await t.open().sweep(new Set(["dep-1"]));
    expect(t.processes()).toHaveLength(2);
    expect(await t.answers()).toBe(true);
    expect(t.open().holds?.("dep-1")).toBe(true);
    expect(t.open().holds?.("dep-2")).toBe(false);
  });
});

test("whose files were removed by hand is stopped, or swept away by the next server, all the same", async () => {
  await using t = await processRig();
  const first = await t.started();
  rmSync(join(t.dataDir, "run"), { recursive: true });
  await first.stop();
  await eventually(() => t.processes().length === 0, "nothing is left");
  const second = await t.started();
  second.release();
  rmSync(join(t.dataDir, "run"), { recursive: true });
  await t.open().sweep(new Set(["dep-1"]));
  await eventually(() => t.processes().length === 0, "nothing is left");
});

test("an engine listens on an address of this machine", async () => {
  await using t = await processRig();
  const errors = (host: string) => t.open().check({ ...t.target, host });
  for (const host of ["localhost", "127.0.0.1", "127.0.0.53", "0.0.0.0", "::1", "::"]) expect(errors(host)).toEqual([]);
  for (const host of ["192.0.2.1", "example.org", "127.0.0.1.example.org"]) {
    expect(errors(host)).toMatchObject([{ field: "host", message: expect.stringContaining("of this machine") }]);
  }
});

test("a recipe without a command, or whose program is not there, cannot be used", async () => {
  await using t = await processRig();
  const recipe = { ...BLANK, name: "process", driver: "process" as const };
  expect(t.open().unavailable(recipe)).toBe("[runtimes.process] of the config file gives it no command");
  expect(t.open().unavailable({ ...recipe, command: ["/bin/sh"] })).toBeNull();
});
