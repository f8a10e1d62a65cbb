import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { tempStore } from "../temp-store.ts";
import { FakeDriver, FakeEndpoint, HEALTHY, open, REFUSED } from "./setup.ts";

/** A deployment of a driver that, unlike `external`, has something to start and to stop. */
async function setup() {
  const temp = tempStore();
  const room = open(temp.store);
  room.addModel();
  room.deploy({ runtime: "fake" });
  await room.clock.advance(0);
  return {
    ...room,
    status: () => room.deployments.get("dep-1").status,
    /** Lets what is being stopped be gone. */
    async letStop() {
      room.fake.stopped.resolve();
      await room.clock.advance(0);
    },
    async [Symbol.asyncDispose]() {
      await room.deployments[Symbol.asyncDispose]();
      temp[Symbol.dispose]();
    },
  };
}

describe("a stop that takes a while", () => {
  test("is accepted at once, and stopped is only said when nothing runs any more", async () => {
    await using t = await setup();
    expect((await t.deployments.stop("dep-1")).status).toBe("running");
    await t.clock.advance(60_000);
    expect(t.status()).toBe("running");
    await t.letStop();
    expect(t.status()).toBe("stopped");
    expect(t.events().at(-1)).toMatchObject({ event: "deployment_stopped" });
  });

  test("is taken back by a start, which waits for what runs to be gone", async () => {
    await using t = await setup();
    await t.deployments.stop("dep-1");
    expect((await t.deployments.start("dep-1")).status).toBe("deploying");
    expect(t.fake.calls).toEqual(["start dep-1", "stop"]);
    await t.letStop();
    expect(t.fake.calls).toEqual(["start dep-1", "stop", "start dep-1"]);
    expect(t.status()).toBe("running");
  });

  test("survives a kill in its middle", async () => {
    await using t = await setup();
    await t.deployments.stop("dep-1");
    await t.deployments[Symbol.asyncDispose]();
    const fake = new FakeDriver();
    fake.stopped.resolve();
    const next = open(t.store, t.clock, new FakeEndpoint(), fake);
    next.deployments.resume();
    await t.clock.advance(0);
    expect(fake.calls).toEqual(["adopt dep-1", "stop"]);
    expect(next.deployments.get("dep-1").status).toBe("stopped");
    await next.deployments[Symbol.asyncDispose]();
  });

  test("that cannot be brought about is a failure that says so", async () => {
    await using t = await setup();
    await t.deployments.stop("dep-1");
    const removal = t.deployments.remove("dep-1");
    t.fake.stopped.reject(new Error("process 7 does not die"));
    await expect(removal).rejects.toThrow("dep-1 stays: it could not be stopped: process 7 does not die.");
    expect(t.deployments.get("dep-1")).toMatchObject({
      status: "failed",
      reason: "it could not be stopped: process 7 does not die",
    });
  });
});

describe("remove", () => {
  test("resolves when it is gone, for everyone who asked, and nothing else is accepted meanwhile", async () => {
    await using t = await setup();
    const removals = [t.deployments.remove("dep-1"), t.deployments.remove("dep-1")];
    await expect(t.deployments.start("dep-1")).rejects.toThrow("There is no deployment dep-1.");
    await t.clock.advance(10_000);
    expect(t.deployments.get("dep-1").deployment_id).toBe("dep-1");
    await t.letStop();
    await Promise.all(removals);
    expect(() => t.deployments.get("dep-1")).toThrow("There is no deployment dep-1.");
    expect(t.fake.alive).toBe(0);
  });

  test("that cannot be written is an error to who asked, and what is left is stopped", async () => {
    await using t = await setup();
    t.store.db.run("CREATE TRIGGER refuse BEFORE DELETE ON deployments BEGIN SELECT RAISE(ABORT, 'told to fail'); END");
    const removal = t.deployments.remove("dep-1");
    t.fake.stopped.resolve();
    await expect(removal).rejects.toThrow("told to fail");
    await t.clock.advance(1_000);
    expect(t.status()).toBe("stopped");
  });
});

describe("a run that ends by itself", () => {
  test("is a failure with the driver's reason", async () => {
    await using t = await setup();
    t.fake.end({ reason: "exit code 137", hint: "give it more memory" });
    await t.clock.advance(0);
    expect(t.deployments.get("dep-1")).toMatchObject({ status: "failed", reason: "exit code 137", uptime_seconds: 0 });
    expect(t.events().at(-1)?.details).toMatchObject({
      container_id: "container-abc",
      reason: "exit code 137",
      hint: "give it more memory",
    });
  });

  test("is told once it can be written", async () => {
    await using t = await setup();
    t.store.db.run("CREATE TRIGGER refuse BEFORE INSERT ON activities BEGIN SELECT RAISE(ABORT, 'told to fail'); END");
    t.fake.end({ reason: "exit code 1" });
    await t.clock.advance(3_000);
    expect(t.status()).toBe("running");
    t.store.db.run("DROP TRIGGER refuse");
    await t.clock.advance(1_000);
    expect(t.status()).toBe("failed");
  });

  test("while it is being stopped is a stop", async () => {
    await using t = await setup();
    await t.deployments.stop("dep-1");
    t.fake.end({ reason: "exit code 143" });
    await t.letStop();
    expect(t.status()).toBe("stopped");
    expect(t.events().map(({ event }) => event)).not.toContain("deployment_failed");
  });
});

test("a driver that sees progress postpones the deadline", async () => {
  await using t = await setup();
  t.endpoint.answer = REFUSED;
  t.fake.stopped.resolve();
  await t.deployments.restart("dep-1");
  await t.clock.advance(100_000);
  t.fake.hooks?.onProgress();
  await t.clock.advance(119_000);
  expect(t.status()).toBe("deploying");
  await t.clock.advance(2_000);
  expect(t.status()).toBe("failed");
});

test("a running deployment is adopted after a kill, never started again; shutting down only lets go of it", async () => {
  await using t = await setup();
  await t.deployments[Symbol.asyncDispose]();
  expect(t.fake.calls).toEqual(["start dep-1", "release"]);
  const next = open(t.store, t.clock, t.endpoint, new FakeDriver());
  next.deployments.resume();
  expect(next.fake.calls).toEqual(["adopt dep-1"]);
  next.fake.end({ reason: "it is gone" });
  await t.clock.advance(0);
  expect(next.deployments.get("dep-1")).toMatchObject({ status: "failed", reason: "it is gone" });
  await next.deployments[Symbol.asyncDispose]();
});

test("what was not started yet when its runtime went away fails with the reason, once", async () => {
  await using t = await setup();
  t.store.db.run("CREATE TRIGGER refuse BEFORE INSERT ON activities BEGIN SELECT RAISE(ABORT, 'told to fail'); END");
  expect(t.deploy({ runtime: "fake" }).status).toBe("pending");
  await t.deployments[Symbol.asyncDispose]();
  t.store.db.run("DROP TRIGGER refuse");
  const next = open(t.store, t.clock);
  next.fake.broken = "no such program";
  next.deployments.resume();
  await t.clock.advance(10_000);
  const reason = "Runtime fake cannot be used here: no such program.";
  expect(next.deployments.get("dep-2")).toMatchObject({ status: "failed", reason });
  expect(next.errors).toEqual([]);
  await next.deployments[Symbol.asyncDispose]();
});

test("whatever is asked in whatever order, the last one wins and there are never two at a time", async () => {
  const command = fc.constantFrom("start", "stop", "restart");
  const step = fc.oneof(command, command, fc.constantFrom("gone", "wait"));
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      await using t = await setup();
      let wanted = "running";
      let most = 0;
      for (const each of steps) {
        if (each === "gone") {
          await t.letStop();
          t.fake.stopped = Promise.withResolvers();
        } else if (each === "wait") await t.clock.advance(1_000);
        else {
          const accepted = await t.deployments[each as "start"]("dep-1").then(
            () => true,
            () => false,
          );
          if (accepted) wanted = each === "stop" ? "stopped" : "running";
        }
        most = Math.max(most, t.fake.alive);
      }
      t.endpoint.answer = HEALTHY;
      // Whatever is being stopped, or still will be, is gone.
      for (let i = 0; i < 3; i++) {
        await t.letStop();
        t.fake.stopped = Promise.withResolvers();
        await t.clock.advance(2_000);
      }
      expect(t.status()).toBe(wanted as "running");
      expect(most).toBeLessThanOrEqual(1);
      expect(t.fake.alive).toBe(wanted === "running" ? 1 : 0);
      expect(t.errors).toEqual([]);
    }),
    { numRuns: 60 },
  );
}, 60_000);
