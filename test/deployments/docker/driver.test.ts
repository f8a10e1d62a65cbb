import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { ProblemError } from "../../../src/contract/index.ts";
import { EngineError } from "../../../src/deployments/drivers/docker/container-engine.ts";
import { dockerRig, endingOf, launchOf, recipe, targetOf } from "./rig.ts";

const never = () => {
  throw new Error("nothing was to be started");
};

describe("a start", () => {
  test("creates the container under a name of its own and starts it", async () => {
    using rig = dockerRig();
    const instance = rig.start();
    await rig.clock.advance(0);
    expect(rig.running()).toHaveLength(1);
    const [container] = rig.running();
    expect(container?.name).toMatch(/^llm-manager-[0-9a-f]{12}-dep-1$/);
    expect(instance).toMatchObject({ host: "localhost", port: 8000, containerId: container?.id });
    expect(await endingOf(instance)).toBeUndefined();
  });

  test("takes over the same run, and starts what was created and not started", async () => {
    using rig = dockerRig();
    rig.engine.refusals.set("start", new EngineError("unreachable", "aborted"));
    rig.start();
    await rig.clock.advance(0);
    await rig.killAndReopen();
    rig.engine.refusals.clear();
    const instance = rig.start(targetOf(), never);
    await rig.clock.advance(0);
    expect(rig.running().map(({ id }) => id)).toEqual([instance.containerId ?? ""]);
    await rig.killAndReopen();
    const again = rig.start(targetOf(), never);
    await rig.clock.advance(0);
    expect(again.containerId).toBe(instance.containerId ?? "");
    expect(rig.engine.mostRunning).toBe(1);
  });

  test("ends what is left of an earlier run before it starts another", async () => {
    using rig = dockerRig();
    rig.start();
    await rig.clock.advance(0);
    await rig.killAndReopen();
    const next = rig.start(targetOf({ startedAt: 2_000 }));
    await rig.clock.advance(0);
    expect(rig.running().map(({ id }) => id)).toEqual([next.containerId ?? ""]);
    expect(
      rig.engine.calls.filter((call) => /^(create|stop|remove|start) /.test(call)).map((c) => c.split(" ")[0]),
    ).toEqual(["create", "start", "stop", "remove", "create", "start"]);
    expect(rig.engine.mostRunning).toBe(1);
  });

  test.each(["create", "start"])("that lost the answer to its %s finds what was done", async (call) => {
    using rig = dockerRig();
    rig.engine.lose = call;
    const instance = rig.start();
    await rig.clock.advance(5_000);
    expect(rig.running().map(({ id }) => id)).toEqual([instance.containerId ?? ""]);
    expect(rig.engine.containers.size).toBe(1);
  });

  test("that is refused says what the Engine said", async () => {
    using rig = dockerRig();
    const message = 'could not select device driver "" with capabilities: [[gpu]]';
    rig.engine.refusals.set("start", new EngineError("refused", message));
    const instance = rig.start();
    await rig.clock.advance(0);
    expect(await instance.ended).toMatchObject({
      reason: `its container could not be started: ${message}`,
      hint: expect.stringContaining("NVIDIA Container Toolkit"),
    });
    await instance.stop();
    expect(rig.engine.containers.size).toBe(0);
  });

  test("of what cannot be resolved any more says so and touches nothing", async () => {
    using rig = dockerRig();
    const instance = rig.start(targetOf(), () => {
      throw new ProblemError("runtime_unavailable", "There is no runtime engine any more.");
    });
    expect(await instance.ended).toMatchObject({ reason: "There is no runtime engine any more." });
    expect(rig.engine.containers.size).toBe(0);
  });

  test("leaves a container of somebody else that has its name alone", async () => {
    using rig = dockerRig();
    rig.start();
    await rig.clock.advance(0);
    const [{ id, name } = { id: "", name: "" }] = rig.running();
    rig.engine.containers.delete(id);
    const foreign = rig.engine.add(name, { other: "label" });
    const instance = rig.start(targetOf({ startedAt: 2_000 }));
    await rig.clock.advance(0);
    expect(await instance.ended).toMatchObject({ reason: expect.stringContaining(`${name} is taken`) });
    await instance.stop();
    expect([...rig.engine.containers.keys()]).toEqual([foreign]);
  });

  test("waits for an Engine that comes up later", async () => {
    using rig = dockerRig();
    rig.engine.away = true;
    const instance = rig.start();
    await rig.clock.advance(40_000);
    rig.engine.away = false;
    await rig.clock.advance(1_000);
    expect(instance.containerId).toBeDefined();
  });

  test("ends when the Engine stays away", async () => {
    using rig = dockerRig();
    rig.engine.away = true;
    const instance = rig.start();
    await rig.clock.advance(61_000);
    expect(await instance.ended).toMatchObject({
      reason: "the Docker Engine could not be reached: connect ENOENT /run/docker.sock",
      hint: expect.stringContaining("systemctl start docker"),
    });
  });
});

describe("an image that is not there", () => {
  const other = { ...recipe, image: "other:2" };
  const launch = () => launchOf({}, other);

  test("is pulled, and what moves is progress", async () => {
    using rig = dockerRig();
    const instance = rig.start(targetOf(), launch);
    await rig.clock.advance(0);
    const before = rig.progress;
    rig.engine.pulling?.({ id: "a", status: "Downloading", progressDetail: { current: 1, total: 10 } });
    rig.engine.pulling?.({ id: "a", status: "Downloading", progressDetail: { current: 1, total: 10 } });
    expect(rig.progress).toBe(before + 1);
    expect(instance.progress).toEqual({ step: "pulling the image other:2", percent: 10 });
    rig.engine.finishPull();
    await rig.clock.advance(0);
    expect(instance.containerId).toBeDefined();
    expect(instance.progress).toBeUndefined();
  });

  test("and cannot be pulled is why there is no start", async () => {
    using rig = dockerRig();
    const instance = rig.start(targetOf(), launch);
    await rig.clock.advance(0);
    rig.engine.finishPull(new EngineError("refused", "manifest unknown"));
    expect(await instance.ended).toMatchObject({
      reason: "the image other:2 is not on this machine and could not be pulled: manifest unknown",
    });
  });

  test("and must not be pulled is why there is no start", async () => {
    using rig = dockerRig();
    const instance = rig.start(targetOf(), () => launchOf({}, { ...other, pull: "never" }));
    expect(await instance.ended).toMatchObject({ reason: expect.stringContaining("never to pull it") });
    expect(rig.engine.calls.some((call) => call.startsWith("pull"))).toBe(false);
  });

  test("is pulled no further once it is stopped", async () => {
    using rig = dockerRig();
    const instance = rig.start(targetOf(), launch);
    await rig.clock.advance(0);
    const stopped = instance.stop();
    await rig.clock.advance(0);
    await stopped;
    expect(rig.engine.containers.size).toBe(0);
  });

  test("is used as it is when pulling it anew fails", async () => {
    using rig = dockerRig();
    const instance = rig.start(targetOf(), () => launchOf({}, { ...recipe, pull: "always" }));
    await rig.clock.advance(0);
    rig.engine.finishPull(new EngineError("refused", "registry is away"));
    await rig.clock.advance(0);
    expect(instance.containerId).toBeDefined();
  });
});

describe("a container that is over", () => {
  test.each([
    [1, false, { exitCode: 1, signal: null, oom: false, reason: "its container ended with exit code 1" }],
    [139, false, { exitCode: null, signal: "SIGSEGV", reason: "its container was ended by SIGSEGV" }],
    [137, true, { signal: "SIGKILL", oom: true, reason: expect.stringContaining("too much memory") }],
  ])("with %d (oom %p) says how", async (code, oom, ending) => {
    using rig = dockerRig();
    const instance = rig.start();
    await rig.clock.advance(0);
    rig.engine.exit(instance.containerId ?? "", code, oom);
    expect(await instance.ended).toMatchObject(ending);
    await instance.stop();
    expect(rig.engine.containers.size).toBe(0);
  });

  test("because somebody stopped it has no verdict on itself, however orderly it ended", async () => {
    using rig = dockerRig();
    const instance = rig.start();
    await rig.clock.advance(0);
    rig.engine.stopByHand(instance.containerId ?? "", 0);
    expect(await instance.ended).toMatchObject({
      ...{ exitCode: null, reason: "its container was stopped from outside (exit code 0)" },
    });
  });

  test("because it was done says that, unless this server was away, as when the machine is restarted", async () => {
    using rig = dockerRig();
    const instance = rig.start();
    await rig.clock.advance(0);
    rig.engine.exit(instance.containerId ?? "", 0);
    expect(await instance.ended).toMatchObject({ exitCode: 0 });
    await rig.killAndReopen();
    const adopted = rig.adopt();
    expect(await adopted.ended).toMatchObject({
      ...{ exitCode: null, reason: "its container ended (exit code 0) while this server was away" },
    });
  });

  test("because somebody removed it says so", async () => {
    using rig = dockerRig();
    const instance = rig.start();
    await rig.clock.advance(0);
    rig.engine.drop(instance.containerId ?? "");
    expect(await instance.ended).toMatchObject({ reason: "its container was removed" });
  });

  test("since the Engine was away is found when it is back", async () => {
    using rig = dockerRig();
    const instance = rig.start();
    await rig.clock.advance(0);
    rig.engine.away = true;
    await rig.clock.advance(3_600_000);
    expect(await endingOf(instance)).toBeUndefined();
    rig.engine.exit(instance.containerId ?? "", 0);
    rig.engine.away = false;
    await rig.clock.advance(30_000);
    expect(await instance.ended).toMatchObject({
      reason: "its container ended (exit code 0) while the Docker Engine was away",
      exitCode: null,
    });
  });

  test("is told with how it ended to a server that was away meanwhile, and nothing is started", async () => {
    using rig = dockerRig();
    rig.start();
    await rig.clock.advance(0);
    await rig.killAndReopen();
    rig.engine.exit([...rig.engine.containers.keys()][0] ?? "", 3);
    const adopted = rig.adopt();
    await rig.clock.advance(0);
    expect(await adopted.ended).toMatchObject({ exitCode: 3 });
    expect(rig.running()).toEqual([]);
  });
});

describe("an adoption", () => {
  test("finds the container, and watches it", async () => {
    using rig = dockerRig();
    const { containerId } = rig.start();
    await rig.clock.advance(0);
    await rig.killAndReopen();
    const adopted = rig.adopt();
    await rig.clock.advance(0);
    expect(adopted.containerId).toBe(rig.running()[0]?.id ?? containerId ?? "");
    rig.engine.exit(adopted.containerId ?? "", 2);
    expect(await adopted.ended).toMatchObject({ exitCode: 2 });
  });

  test("of what is gone says so; where there never was a container the Engine is not even asked", async () => {
    using rig = dockerRig();
    expect(await rig.adopt().ended).toMatchObject({ reason: "its container was removed" });
    expect(rig.engine.calls).toEqual([]);
    expect(rig.driver.holds?.("dep-1")).toBe(false);
  });

  test("waits as long as the Engine is away", async () => {
    using rig = dockerRig();
    rig.start();
    await rig.clock.advance(0);
    await rig.killAndReopen();
    rig.engine.away = true;
    const adopted = rig.adopt();
    await rig.clock.advance(24 * 3_600_000);
    expect(await endingOf(adopted)).toBeUndefined();
    rig.engine.away = false;
    await rig.clock.advance(1_000);
    expect(adopted.containerId).toBeDefined();
  });
});

describe("a stop", () => {
  test("that the Engine does not hear of is told, stays in force, and comes before the next start", async () => {
    using rig = dockerRig();
    const instance = rig.start();
    await rig.clock.advance(0);
    rig.engine.away = true;
    const stopped = instance.stop();
    const failure = Promise.resolve(stopped).then(
      () => "resolved",
      (error) => String(error),
    );
    await rig.clock.advance(31_000);
    expect(await failure).toContain("the Docker Engine could not be reached");
    const next = rig.start(targetOf({ startedAt: 2_000 }));
    await rig.clock.advance(5_000);
    rig.engine.away = false;
    await rig.clock.advance(2_000);
    expect(rig.running().map(({ id }) => id)).toEqual([next.containerId ?? ""]);
    expect(rig.engine.mostRunning).toBe(1);
  });

  test("that the Engine refuses is told", async () => {
    using rig = dockerRig();
    const instance = rig.start();
    await rig.clock.advance(0);
    rig.engine.refusals.set("remove", new EngineError("refused", "device or resource busy"));
    const failure = Promise.resolve(instance.stop()).catch((error) => String(error));
    await rig.clock.advance(10_000);
    expect(await failure).toContain("device or resource busy");
  });
});

describe("a sweep", () => {
  test("ends what is left of other deployments, and only of this data directory", async () => {
    using rig = dockerRig();
    for (const id of ["dep-1", "dep-2", "dep-3"]) rig.start(targetOf({ deploymentId: id }));
    await rig.clock.advance(0);
    const foreign = rig.engine.add("theirs", {
      "llm-manager.data-dir": "0123456789ab",
      "llm-manager.deployment": "dep-2",
    });
    const unmarked = rig.engine.add("database", {});
    await rig.killAndReopen();
    // An Engine that comes up later than the server finds a deployment made meanwhile.
    rig.engine.away = true;
    const swept = rig.driver.sweep(new Set(["dep-1"]));
    rig.start(targetOf({ deploymentId: "dep-3" }));
    await rig.clock.advance(5_000);
    rig.engine.away = false;
    await rig.clock.advance(2_000);
    await swept;
    const left = [...rig.engine.containers.values()].map(({ id, labels }) => labels["llm-manager.deployment"] ?? id);
    expect(left.sort()).toEqual([unmarked, "dep-1", "dep-2", "dep-3"].sort());
    expect(rig.engine.containers.get(foreign)?.state).toBe("running");
  });
});

test("whatever fails and whenever the server is killed, there is never a second container, and a stop leaves none", async () => {
  const step = fc.oneof(
    fc.constant("kill" as const),
    fc.constant("away" as const),
    fc.constant("back" as const),
    fc.constant("lose" as const),
    fc.constant("exit" as const),
    fc.constant("drop" as const),
    fc.constant("restart" as const),
    fc.integer({ min: 0, max: 3_000 }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      using rig = dockerRig();
      let startedAt = 1_000;
      let instance = rig.start(targetOf({ startedAt }));
      for (const what of steps) {
        if (typeof what === "number") await rig.clock.advance(what);
        else if (what === "away" || what === "back") rig.engine.away = what === "away";
        else if (what === "lose") rig.engine.lose = "";
        else if (what === "kill") {
          await rig.killAndReopen();
          instance = rig.start(targetOf({ startedAt }));
        } else if (what === "restart") {
          void instance.stop()?.catch(() => {});
          instance = rig.start(targetOf({ startedAt: ++startedAt }));
        } else {
          const [container] = rig.running();
          if (container && what === "exit") rig.engine.exit(container.id, 1);
          if (container && what === "drop") rig.engine.drop(container.id);
        }
        expect(rig.engine.containers.size).toBeLessThanOrEqual(1);
      }
      rig.engine.away = false;
      const stopped = instance.stop();
      await rig.clock.advance(60_000);
      await stopped;
      expect(rig.engine.containers.size).toBe(0);
      expect(rig.engine.mostRunning).toBeLessThanOrEqual(1);
    }),
    { numRuns: 150 },
  );
});
