import { describe, expect, test } from "bun:test";
import { deployment, modelStatus } from "../../src/contract/index.ts";
import type { DeploymentCrashLoop } from "../../src/store/bus.ts";
import { tempStore } from "../temp-store.ts";
import { FakeDriver, FakeEndpoint, open, REFUSED, type Room } from "./setup.ts";

/** A running deployment with a restart policy, of a driver whose runs end as the test says. */
async function setup(policy = "always") {
  const temp = tempStore();
  const rooms = [prepared(open(temp.store))];
  const [first] = rooms as [Room];
  first.addModel();
  first.deploy({ runtime: "fake", restart_policy: policy });
  await first.clock.advance(0);
  const loops: DeploymentCrashLoop[] = [];
  first.store.bus.on("deployment_crash_loop", (event) => loops.push(event));
  return {
    ...first,
    loops,
    get: () => (rooms.at(-1) as Room).deployments.get("dep-1"),
    async crash(exitCode = 1) {
      (rooms.at(-1) as Room).fake.end({ reason: `exit code ${exitCode}`, exitCode });
      await first.clock.advance(0);
    },
    /** Ends the room as kill -9 does, and opens the next one `awayMs` later. */
    async killAndReopen(awayMs: number) {
      await (rooms.at(-1) as Room).deployments[Symbol.asyncDispose]();
      first.clock.jumpWall(awayMs);
      const next = prepared(open(temp.store, first.clock, new FakeEndpoint(), new FakeDriver()));
      rooms.push(next);
      next.deployments.resume();
      await next.clock.advance(0);
      return next;
    },
    async [Symbol.asyncDispose]() {
      const last = rooms.at(-1) as Room;
      await last.deployments[Symbol.asyncDispose]();
      expect(last.errors).toEqual([]);
      expect(first.clock.pending).toBe(0);
      temp[Symbol.dispose]();
    },
  };
}

function prepared(room: Room): Room {
  room.fake.stopped.resolve();
  return room;
}

describe("a deployment that fails", () => {
  test("is told of as failed each time, and restarted through deploying after growing delays", async () => {
    await using t = await setup();
    const seen: unknown[] = [];
    using _ = t.store.bus.on("deployment_events", ({ data, timestamp }) =>
      seen.push([data.event, data.status, (Date.parse(timestamp) - Date.UTC(2025, 0, 1, 12)) / 1_000]),
    );
    await t.crash();
    await t.crash();
    const failed = deployment.parse(t.get());
    expect(failed).toMatchObject({
      status: "failed",
      reason: "exit code 1",
      restart_policy: "always",
      restart_count: 1,
      crash_loop: false,
      next_restart_at: "2025-01-01T12:00:05.000Z",
    });
    await t.clock.advance(4_999);
    expect(t.get().status).toBe("failed");
    await t.clock.advance(1);
    expect(t.get()).toMatchObject({ status: "running", restart_count: 2, next_restart_at: null });
    await t.crash();
    await t.clock.advance(10_000);
    expect(seen).toEqual([
      ["deployment_failed", "failed", 0],
      ["deployment_restarted", "deploying", 0],
      ["deployment_completed", "running", 0],
      ["deployment_failed", "failed", 0],
      ["deployment_restarted", "deploying", 5],
      ["deployment_completed", "running", 5],
      ["deployment_failed", "failed", 5],
      ["deployment_restarted", "deploying", 15],
      ["deployment_completed", "running", 15],
    ]);
    expect(t.fake.alive).toBe(1);
  });

  test("five times in ten minutes is in a crash loop: shown, told and in the history, until it is stable", async () => {
    await using t = await setup();
    for (const wait of [0, 5, 10, 20]) {
      await t.crash();
      await t.clock.advance(wait * 1_000);
    }
    expect(t.get()).toMatchObject({ status: "running", crash_loop: false, restart_count: 4 });
    await t.crash();
    expect(t.get()).toMatchObject({ status: "failed", crash_loop: true });
    expect(modelStatus.parse(t.deployments.status()).models[0]).toMatchObject({ crash_loop: true, restart_count: 4 });
    expect(t.loops).toEqual([
      {
        ...{ deploymentId: "dep-1", modelId: "llama2-7b", name: "LLaMA2 Chat", crashLoop: true, restarts: 4 },
        ...{ reason: "exit code 1", nextRestartAt: t.clock.now() + 40_000 },
      },
    ]);
    const [worst] = t.activities.list({ limit: 1, severity: "critical" }).items;
    expect(worst?.message).toBe("Model LLaMA2 Chat fails again and again: it is restarted after ever longer waits");
    await t.clock.advance(40_000);
    await t.clock.advance(299_000);
    expect(t.get()).toMatchObject({ status: "running", crash_loop: true });
    await t.clock.advance(1_000);
    expect(t.get()).toMatchObject({ status: "running", crash_loop: false, restart_count: 5 });
    expect(t.loops.map(({ crashLoop }) => crashLoop)).toEqual([true, false]);
    expect(t.history().at(-1)).toBe("Model LLaMA2 Chat has been running steadily again");
    await t.crash();
    expect(t.get().status).toBe("running");
  });

  test("soon after it was ready goes on backing off", async () => {
    await using t = await setup();
    await t.crash();
    await t.clock.advance(299_000);
    await t.crash();
    expect(t.get().status).toBe("failed");
    await t.clock.advance(5_000);
    expect(t.get().status).toBe("running");
  });

  test("to start is restarted, too", async () => {
    await using t = await setup();
    t.endpoint.answer = REFUSED;
    await t.crash();
    expect(t.get().status).toBe("deploying");
    await t.clock.advance(120_000);
    expect(t.get()).toMatchObject({ status: "failed", next_restart_at: "2025-01-01T12:02:05.000Z" });
    await t.clock.advance(5_000);
    expect(t.get()).toMatchObject({ status: "deploying", restart_count: 2 });
    expect(t.fake.alive).toBe(1);
  });

  test("is left alone when it exits with 0 under on-failure", async () => {
    await using t = await setup("on-failure");
    await t.crash(0);
    await t.clock.advance(3_600_000);
    expect(t.get()).toMatchObject({ status: "failed", next_restart_at: null, restart_count: 0 });
  });
});

describe("a user's command wins over a pending restart", () => {
  test("stop: nothing comes after it", async () => {
    await using t = await setup();
    await t.crash();
    await t.crash();
    await t.deployments.stop("dep-1");
    await t.clock.advance(3_600_000);
    expect(t.get()).toMatchObject({ status: "stopped", next_restart_at: null, restart_count: 0 });
    expect(t.fake.alive).toBe(0);
  });

  test("start: at once, with the back-off forgotten, and not a second time", async () => {
    await using t = await setup();
    await t.crash();
    await t.crash();
    await t.deployments.start("dep-1");
    await t.clock.advance(60_000);
    expect(t.get()).toMatchObject({ status: "running", restart_count: 0 });
    expect(t.fake.calls.filter((call) => call === "start dep-1")).toHaveLength(3);
    await t.crash();
    expect(t.get().status).toBe("running");
  });

  test("remove: it is gone", async () => {
    await using t = await setup();
    await t.crash();
    await t.crash();
    await t.deployments.remove("dep-1");
    await t.clock.advance(3_600_000);
    expect(t.fake.alive).toBe(0);
  });

  test("also in the moment a failed run is still being cleaned up", async () => {
    await using t = await setup();
    t.fake.stopped = Promise.withResolvers();
    for (let i = 0; i < 2; i++) await t.crash();
    expect(t.get().status).toBe("failed");
    await t.clock.advance(5_000);
    // The restart waits until what failed is gone; the stop takes it back.
    expect(t.get().status).toBe("deploying");
    await t.deployments.stop("dep-1");
    t.fake.stopped.resolve();
    await t.clock.advance(0);
    expect(t.get().status).toBe("stopped");
    await t.clock.advance(60_000);
    expect(t.fake.alive).toBe(0);
  });
});

describe("over a kill of the server", () => {
  test("a pending restart goes on where it was", async () => {
    await using t = await setup();
    for (let i = 0; i < 2; i++) await t.crash();
    const next = await t.killAndReopen(2_000);
    expect(t.get()).toMatchObject({ status: "failed", restart_count: 1, next_restart_at: "2025-01-01T12:00:05.000Z" });
    await next.clock.advance(2_999);
    expect(t.get().status).toBe("failed");
    await next.clock.advance(1);
    expect(t.get()).toMatchObject({ status: "running", restart_count: 2 });
  });

  test("a clock that was set back meanwhile makes it wait no longer than its delay", async () => {
    await using t = await setup();
    for (let i = 0; i < 2; i++) await t.crash();
    const next = await t.killAndReopen(-86_400_000);
    await next.clock.advance(5_000);
    expect(t.get().status).toBe("running");
  });

  test("the back-off and the crash loop are remembered, also by a deployment that runs", async () => {
    await using t = await setup();
    for (const wait of [0, 5, 10, 20, 40]) {
      await t.crash();
      await t.clock.advance(wait * 1_000);
    }
    const next = await t.killAndReopen(3_600_000);
    expect(next.fake.calls).toEqual(["adopt dep-1"]);
    expect(t.get()).toMatchObject({ status: "running", crash_loop: true, restart_count: 5 });
    await t.crash();
    await next.clock.advance(79_999);
    expect(t.get().status).toBe("failed");
    await next.clock.advance(1);
    expect(t.get().status).toBe("running");
    await next.clock.advance(300_000);
    expect(t.get().crash_loop).toBe(false);
  });

  test("what its policy left failed stays failed", async () => {
    await using t = await setup("never");
    await t.crash();
    const next = await t.killAndReopen(1_000);
    await next.clock.advance(3_600_000);
    expect(t.get().status).toBe("failed");
    expect(next.fake.calls).toEqual([]);
  });
});

test("a machine that slept did not run steadily, and a clock that was set changes nothing", async () => {
  await using t = await setup();
  await t.crash();
  t.clock.jumpWall(86_400_000);
  await t.clock.stall(3_600_000);
  await t.crash();
  expect(t.get()).toMatchObject({ status: "failed", restart_count: 1 });
  t.clock.jumpWall(86_400_000);
  await t.clock.advance(4_999);
  expect(t.get().status).toBe("failed");
  await t.clock.advance(1);
  expect(t.get().status).toBe("running");
});

test("a restart that cannot be written is made as soon as it can be", async () => {
  const temp = tempStore();
  const room = prepared(open(temp.store));
  room.addModel();
  room.deploy({ runtime: "fake", restart_policy: "always" });
  await room.clock.advance(0);
  temp.store.db.run("CREATE TRIGGER refuse BEFORE INSERT ON activities BEGIN SELECT RAISE(ABORT, 'told to fail'); END");
  room.fake.end({ reason: "exit code 1" });
  await room.clock.advance(5_000);
  expect(room.deployments.get("dep-1")).toMatchObject({ status: "running", restart_count: 0 });
  temp.store.db.run("DROP TRIGGER refuse");
  await room.clock.advance(1_000);
  expect(room.deployments.get("dep-1")).toMatchObject({ status: "running", restart_count: 1 });
  expect(room.events().map(({ event }) => event)).toEqual([
    "deployment_started",
    "deployment_completed",
    "deployment_failed",
    "deployment_restarted",
    "deployment_completed",
  ]);
  await room.deployments[Symbol.asyncDispose]();
  temp[Symbol.dispose]();
});
