import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { activities, deploymentEvents, deployments } from "../../db/schema.ts";
import { deploymentStatus } from "../../src/contract/index.ts";
import { isLegal, moves } from "../../src/deployments/lifecycle.ts";
import type { Store } from "../../src/store/store.ts";
import { tempDir } from "../temp-dir.ts";
import { openStore, tempStore } from "../temp-store.ts";
import { FakeEndpoint, HEALTHY, LOADING, open, REFUSED, type Room } from "./setup.ts";

/** What the store holds of deployments, which must be one truth. */
function stored(store: Store) {
  return {
    rows: store.db.select().from(deployments).all(),
    events: store.db.select().from(deploymentEvents).all(),
    activities: store.db.select().from(activities).all(),
  };
}

/** Ends the room as kill -9 does: nobody is told, nothing is written any more, the next one finds what is stored. */
async function killAndReopen(room: Room, change: (next: Room) => void = () => {}): Promise<Room> {
  await room.deployments[Symbol.asyncDispose]();
  const next = open(room.store, room.clock, new FakeEndpoint(), room.fake);
  change(next);
  next.deployments.resume();
  return next;
}

describe("after the server was killed", () => {
  test("a running deployment keeps its uptime, its health unknown until the first probe", async () => {
    using temp = tempStore();
    const before = open(temp.store);
    before.addModel();
    before.deploy();
    await before.clock.advance(60_000);
    const history = before.history();
    const next = await killAndReopen(before);
    expect(next.deployments.get("dep-1")).toMatchObject({
      status: "running",
      health_status: "unknown",
      uptime_seconds: 60,
    });
    await next.clock.advance(5_000);
    expect(next.deployments.get("dep-1")).toMatchObject({ health_status: "healthy", uptime_seconds: 65 });
    // Nothing has happened to it, so the history has nothing new.
    expect(next.history()).toEqual(history);
    await next.deployments[Symbol.asyncDispose]();
  });

  test("one that was unhealthy and is well now is told of as healthy again", async () => {
    using temp = tempStore();
    const before = open(temp.store);
    before.addModel();
    before.deploy();
    await before.clock.advance(0);
    before.endpoint.answer = REFUSED;
    await before.clock.advance(20_000);
    const next = await killAndReopen(before);
    await next.clock.advance(5_000);
    expect(next.history().at(-1)).toBe("Model LLaMA2 Chat is healthy again");
    await next.deployments[Symbol.asyncDispose]();
  });

  test("a start goes on with a deadline of its own, and does not count as a measured one", async () => {
    using temp = tempStore();
    const before = open(temp.store);
    before.addModel();
    before.endpoint.answer = LOADING;
    before.deploy();
    await before.clock.advance(100_000);
    const next = await killAndReopen(before, (room) => {
      room.endpoint.answer = REFUSED;
    });
    await next.clock.advance(119_000);
    expect(next.deployments.get("dep-1").status).toBe("deploying");
    next.endpoint.answer = HEALTHY;
    await next.clock.advance(1_000);
    expect(next.events().map(({ event }) => event)).toEqual(["deployment_started", "deployment_completed"]);
    next.deploy();
    expect(next.events().at(-1)?.details).not.toHaveProperty("estimated_completion");
    await next.deployments[Symbol.asyncDispose]();
  });

  test("one that was made and not started yet is started", async () => {
    using temp = tempStore();
    const before = open(temp.store);
    before.addModel();
    const failing = failWritesTo(before.store, "deployment_events");
    expect(before.deploy().status).toBe("pending");
    await before.clock.advance(0);
    expect(before.errors).toHaveLength(1);
    failing[Symbol.dispose]();
    const next = await killAndReopen(before);
    await next.clock.advance(0);
    expect(next.deployments.get("dep-1").status).toBe("running");
    await next.deployments[Symbol.asyncDispose]();
  });

  test("what was stopped or failed stays so, and all of it survives the file being opened anew", async () => {
    using dir = tempDir();
    let status: unknown;
    {
      using store = openStore(dir.path);
      const room = open(store);
      room.addModel();
      for (let i = 0; i < 3; i++) room.deploy();
      await room.clock.advance(0);
      await room.deployments.stop("dep-2");
      room.endpoint.answer = REFUSED;
      await room.deployments.restart("dep-3");
      await room.clock.advance(120_000);
      await room.deployments.restart("dep-1");
      status = room.deployments.list({ limit: 9 }).items.map((item) => [item.status, item.reason?.slice(0, 11)]);
      await room.deployments[Symbol.asyncDispose]();
    }
    using store = openStore(dir.path);
    const room = open(store);
    room.deployments.resume();
    await room.clock.advance(0);
    expect(room.deployments.list({ limit: 9 }).items.map((item) => item.status)).toEqual([
      "running",
      "stopped",
      "failed",
    ]);
    expect(status).toEqual([
      ["deploying", "connection "],
      ["stopped", undefined],
      ["failed", "no progress"],
    ]);
    await room.deployments[Symbol.asyncDispose]();
  });

  test("shutting down changes nothing in the store, and later commands are refused", async () => {
    using temp = tempStore();
    const room = open(temp.store);
    room.addModel();
    room.deploy();
    await room.clock.advance(7_000);
    room.deploy();
    room.endpoint.answer = "hang";
    await room.clock.advance(4_000);
    const before = stored(temp.store);
    await room.deployments[Symbol.asyncDispose]();
    await room.clock.advance(600_000);
    expect(stored(temp.store)).toEqual(before);
    expect(room.clock.pending).toBeLessThanOrEqual(1); // the fake endpoint's own
    await expect(room.deployments.stop("dep-1")).rejects.toThrow("shutting down");
  });
});

/** Lets every insert into `table` fail until disposed, as a full disk would. */
function failWritesTo(store: Store, table: "deployment_events" | "activities" | "deployment_starts"): Disposable {
  store.db.run(`CREATE TRIGGER refuse BEFORE INSERT ON ${table} BEGIN SELECT RAISE(ABORT, 'told to fail'); END`);
  return { [Symbol.dispose]: () => void store.db.run("DROP TRIGGER refuse") };
}

describe("row, activity and event are one", () => {
  test.each(["deployment_events", "activities"] as const)("when %s cannot be written, nothing is", async (table) => {
    using temp = tempStore();
    const room = open(temp.store);
    room.addModel();
    room.deploy();
    await room.clock.advance(0);
    const before = stored(temp.store);
    const pushed: unknown[] = [];
    for (const type of ["deployment_events", "activity_stream"] as const) {
      room.store.bus.on(type, (event) => pushed.push(event));
    }
    {
      using _ = failWritesTo(temp.store, table);
      await expect(room.deployments.restart("dep-1")).rejects.toThrow("told to fail");
      expect(stored(temp.store)).toEqual(before);
      expect(room.deployments.get("dep-1").status).toBe("running");
      expect(pushed).toEqual([]);
    }
    room.endpoint.answer = LOADING;
    await room.deployments.restart("dep-1");
    expect(pushed).toHaveLength(2);
    await room.deployments[Symbol.asyncDispose]();
  });

  test("what probes found is written as soon as it can be", async () => {
    using temp = tempStore();
    const room = open(temp.store);
    room.addModel();
    room.endpoint.answer = LOADING;
    room.deploy();
    await room.clock.advance(0);
    {
      using _ = failWritesTo(temp.store, "deployment_starts");
      room.endpoint.answer = HEALTHY;
      await room.clock.advance(3_000);
      expect(room.deployments.get("dep-1").status).toBe("deploying");
      expect(room.errors.length).toBeGreaterThan(0);
    }
    await room.clock.advance(1_000);
    expect(room.deployments.get("dep-1").status).toBe("running");
    {
      using _ = failWritesTo(temp.store, "activities");
      room.endpoint.answer = REFUSED;
      await room.clock.advance(30_000);
      expect(room.deployments.get("dep-1").health_status).toBe("healthy");
      // A stop is accepted once it is stored that it is wanted; the rest follows.
      await room.deployments.stop("dep-1");
      expect(room.deployments.get("dep-1").status).toBe("running");
    }
    await room.clock.advance(1_000);
    expect(room.deployments.get("dep-1").status).toBe("stopped");
    await room.deployments[Symbol.asyncDispose]();
  });
});

test("any order of commands, answers, waits and kills stays legal, consistent, and ends as the last command wants", async () => {
  const step = fc.oneof(
    fc.constantFrom("start", "stop", "restart", "kill", "probe fails", "probe passes", "loading"),
    fc.constantFrom(0, 1_000, 5_000, 130_000),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
      using temp = tempStore();
      let room = open(temp.store);
      room.addModel();
      room.deploy();
      let wanted: "running" | "stopped" = "running";
      for (const each of steps) {
        if (typeof each === "number") await room.clock.advance(each);
        else if (each === "kill") {
          const { answer } = room.endpoint;
          room = await killAndReopen(room, (next) => {
            next.endpoint.answer = answer;
          });
        } else if (each === "probe fails") room.endpoint.answer = REFUSED;
        else if (each === "probe passes") room.endpoint.answer = HEALTHY;
        else if (each === "loading") room.endpoint.answer = LOADING;
        else {
          const { status } = room.deployments.get("dep-1");
          const legal = isLegal(status, each as "start");
          const refused = await room.deployments[each as "start"]("dep-1").then(
            () => false,
            () => true,
          );
          expect(refused).toBe(!legal);
          if (legal) wanted = each === "stop" ? "stopped" : "running";
        }
      }
      room.endpoint.answer = HEALTHY;
      await room.clock.advance(10_000);
      const { status } = room.deployments.get("dep-1");
      // A start that failed stays failed until somebody starts it again.
      if (wanted === "stopped") expect(status).toBe("stopped");
      else expect(["running", "failed"]).toContain(status);
      expect(room.errors).toEqual([]);

      let at = deploymentStatus.parse("pending");
      for (const event of room.events()) {
        const move = Object.entries(moves).find(
          ([, { event: name }]) => name === event.event,
        )?.[0] as keyof typeof moves;
        expect(isLegal(at, move)).toBe(true);
        at = event.status;
      }
      expect(at).toBe(status);
      const { rows, events } = stored(temp.store);
      expect(rows[0]?.status).toBe(status);
      const told = room.activities.list({ limit: 500, activity_type: "model_deployment" }).items;
      expect(told).toHaveLength(events.length);
      await room.deployments[Symbol.asyncDispose]();
    }),
    { numRuns: 60 },
  );
}, 60_000);
