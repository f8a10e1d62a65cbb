import { describe, expect, test } from "bun:test";
import { createServer } from "node:net";
import fc from "fast-check";
import { lostRace, Ports, type Reservation } from "../../src/deployments/ports/ports.ts";
import { portListener } from "../../src/host/port-listener.ts";
import { FakeClock } from "../fake-clock.ts";
import { tempStore } from "../temp-store.ts";
import { FakeDriver, FakeEndpoint, open } from "./setup.ts";

const RANGE = { first: 20_000, last: 20_009 };

describe("a port that is chosen", () => {
  test("is in the range and nobody's, until none is left, and given back ones come last", () => {
    const none = fc.uniqueArray(fc.integer({ min: 19_998, max: 20_011 }), { maxLength: 12 });
    fc.assert(
      fc.property(none, (already) => {
        const reserved: Reservation[] = already.map((port) => ({ deploymentId: `dep-${port}`, name: "x", port }));
        const parts = { reservations: () => reserved, listener: async () => undefined, clock: new FakeClock() };
        const ports = new Ports({ range: RANGE, ...parts });
        const free = 10 - already.filter((port) => port >= 20_000 && port <= 20_009).length;
        for (let i = 0; i < free; i++) {
          const port = ports.choose();
          expect(port).toBeWithin(20_000, 20_010);
          expect(reserved.map((one) => one.port)).not.toContain(port);
          reserved.push({ deploymentId: "dep-1", name: "x", port });
        }
        expect(() => ports.choose()).toThrow("No port is left of 20000 to 20009, which PORT_RANGE says");
      }),
    );
  });

  test("is not the one that was given up last", () => {
    const parts = { reservations: () => [], listener: async () => undefined, clock: new FakeClock() };
    const ports = new Ports({ range: RANGE, ...parts });
    expect([ports.choose(), ports.choose(), ports.choose(new Set([20_002]))]).toEqual([20_000, 20_001, 20_003]);
  });
});

function setup() {
  const temp = tempStore();
  const room = open(temp.store);
  room.addModel();
  room.fake.stopped.resolve();
  return {
    ...room,
    get: (id = "dep-1") => room.deployments.get(id),
    async [Symbol.asyncDispose]() {
      await room.deployments[Symbol.asyncDispose]();
      expect(room.errors).toEqual([]);
      temp[Symbol.dispose]();
    },
  };
}

const inUse = (detail: string) =>
  expect.objectContaining({ code: "in_use", message: detail, errors: [expect.objectContaining({ field: "port" })] });

describe("a deployment that asks for no port", () => {
  test("gets one that is told at once, is what the engine is told, and stays its own", async () => {
    await using t = setup();
    expect(t.deploy({ runtime: "fake" }).port).toBe(20_000);
    expect(t.deploy({ runtime: "fake" }).port).toBe(20_001);
    await t.clock.advance(0);
    expect(t.fake.launched?.port).toBe(20_001);
    await t.deployments.stop("dep-1");
    expect(t.deploy({ runtime: "fake" }).port).toBe(20_002);
    await t.deployments.start("dep-1");
    expect(t.get().port).toBe(20_000);
  });

  test("moves on from one where somebody else listens, and every later start knows", async () => {
    await using t = setup();
    t.listeners.set(20_000, "nginx (process 7)").set(20_001, "another program");
    t.deploy({ runtime: "fake" });
    expect(t.get()).toMatchObject({ status: "deploying", port: 20_000 });
    await t.clock.advance(4_000);
    expect(t.get()).toMatchObject({ status: "running", port: 20_002 });
    expect(t.fake.launched?.port).toBe(20_002);
    expect(t.events().map(({ event, details }) => [event, details.port])).toEqual([
      ["deployment_started", 20_000],
      ["deployment_completed", 20_002],
    ]);
    await t.deployments[Symbol.asyncDispose]();
    const next = open(t.store, t.clock, new FakeEndpoint(), new FakeDriver());
    next.deployments.resume();
    expect(next.deployments.get("dep-1").port).toBe(20_002);
    expect(next.fake.calls).toEqual(["adopt dep-1"]);
    await next.deployments[Symbol.asyncDispose]();
  });

  test("waits for one that is just being given up", async () => {
    await using t = setup();
    t.listeners.set(20_000, "what was there before");
    t.deploy({ runtime: "fake" });
    await t.clock.advance(1_000);
    t.listeners.clear();
    await t.clock.advance(250);
    expect(t.get()).toMatchObject({ status: "running", port: 20_000 });
  });

  test("moves on when its engine loses the race, three times at most, without having failed", async () => {
    await using t = setup();
    t.endpoint.answer = { outcome: "failed", reason: "refused", hint: "" };
    t.deploy({ runtime: "fake" });
    await t.clock.advance(0);
    const lost = { reason: "it ended with exit code 1", exitCode: 1, lastLines: ["bind: Address already in use"] };
    for (const port of [20_000, 20_001, 20_002]) {
      expect(t.fake.launched?.port).toBe(port);
      t.fake.end(lost);
      await t.clock.advance(0);
      expect(t.get()).toMatchObject({ status: "deploying", port: port + 1 });
    }
    t.fake.end(lost);
    await t.clock.advance(0);
    expect(t.get()).toMatchObject({ status: "failed", port: 20_003 });
    expect(t.events().map(({ event }) => event)).toEqual(["deployment_started", "deployment_failed"]);
    expect(t.fake.alive).toBe(0);
  });

  test("is stopped while a port is looked for: nothing is started", async () => {
    await using t = setup();
    t.listeners.set(20_000, "nginx");
    t.deploy({ runtime: "fake" });
    await t.clock.advance(500);
    await t.deployments.stop("dep-1");
    await t.deployments.start("dep-1");
    await t.deployments.stop("dep-1");
    t.listeners.clear();
    await t.clock.advance(60_000);
    expect(t.get().status).toBe("stopped");
    expect(t.fake.calls).toEqual([]);
    expect(t.clock.pending).toBe(0);
  });

  test("is started twice while a port is looked for: one engine", async () => {
    await using t = setup();
    t.deploy({ runtime: "fake" });
    await t.deployments.restart("dep-1");
    await t.deployments.restart("dep-1");
    await t.clock.advance(10_000);
    expect(t.fake.calls).toEqual(["start dep-1"]);
    expect(t.get().status).toBe("running");
  });
});

describe("a port that was asked for", () => {
  test("and that another deployment has is refused with its name, also when that one is stopped", async () => {
    await using t = setup();
    t.deploy({ runtime: "fake", port: 9_000 });
    await t.clock.advance(0);
    await t.deployments.stop("dep-1");
    const refusal = inUse("Port 9000 is taken by deployment dep-1 (LLaMA2 Chat).");
    expect(() => t.deploy({ runtime: "fake", port: 9_000 })).toThrow(refusal);
    await t.deployments.remove("dep-1");
    expect(t.deploy({ runtime: "fake", port: 9_000 }).port).toBe(9_000);
  });

  test("that an external endpoint of this machine has is refused; one elsewhere is no matter", async () => {
    await using t = setup();
    t.deploy({ host: "127.0.0.1" });
    expect(() => t.deploy({ runtime: "fake", port: 8_000 })).toThrow(inUse(expect.stringContaining("dep-1") as never));
    t.deploy({ host: "gpu-box", port: 8_001 });
    expect(t.deploy({ runtime: "fake", port: 8_001 }).port).toBe(8_001);
  });

  test("and that is taken when it starts is a failure that says by whom, and is not exchanged", async () => {
    await using t = setup();
    t.listeners.set(9_000, "nginx (process 7)");
    t.deploy({ runtime: "fake", port: 9_000 });
    await t.clock.advance(2_000);
    const reason = "port 9000 on localhost is taken by nginx (process 7)";
    expect(t.get()).toMatchObject({ status: "failed", port: 9_000, reason });
    expect(t.fake.calls).toEqual([]);
  });
});

describe("on the machine itself", () => {
  test("who listens is found by trying, and named on Linux; then nobody does", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    const port = typeof address === "object" && address ? address.port : 0;
    const who = await portListener("localhost", port);
    if (process.platform === "linux") expect(who).toEndWith(`(process ${process.pid})`);
    else expect(who).toBe("another program");
    expect(await portListener("0.0.0.0", port)).toBe(who as string);
    await new Promise((resolve) => server.close(resolve));
    expect(await portListener("localhost", port)).toBeUndefined();
    // What is not this machine's the engine says better.
    expect(await portListener("192.0.2.1", port)).toBeUndefined();
  });
});

const said: [string, boolean][] = [
  ["OSError: [Errno 98] Address already in use", true],
  ["Error: listen EADDRINUSE: address already in use 127.0.0.1:8000", true],
  ["couldn't bind HTTP server socket, hostname: 127.0.0.1, port: 8080", true],
  ["listen tcp 127.0.0.1:11434: bind: address already in use", true],
  ["Bind for 0.0.0.0:8000 failed: port is already allocated", true],
  ["CUDA out of memory", false],
];
test.each(said)("%p tells of a taken port: %p", (line, lost) => {
  expect(lostRace({ reason: "exit code 1", lastLines: ["x", line] })).toBe(lost);
});
