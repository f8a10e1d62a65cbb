import { describe, expect, test } from "bun:test";
import type { DeploymentHealth } from "../../src/store/bus.ts";
import { tempStore } from "../temp-store.ts";
import { HEALTHY, LOADING, open, REFUSED } from "./setup.ts";

/** A room with `count` running deployments whose health is told. */
async function running(count = 1, health: Record<string, unknown> = {}) {
  const temp = tempStore();
  const room = open(temp.store);
  room.addModel();
  const told: DeploymentHealth[] = [];
  for (let i = 0; i < count; i++) room.deploy({ port: 8000 + i, health });
  await room.clock.advance(0);
  room.store.bus.on("deployment_health", (event) => told.push(event));
  room.endpoint.probes.length = 0;
  return {
    ...room,
    told,
    health: () => room.deployments.get("dep-1").health_status,
    async [Symbol.asyncDispose]() {
      await room.deployments[Symbol.asyncDispose]();
      temp[Symbol.dispose]();
    },
  };
}

describe("the health of a running deployment", () => {
  test("turns unhealthy after three failures in a row, healthy after one success, and stays running", async () => {
    await using t = await running();
    t.endpoint.answer = REFUSED;
    await t.clock.advance(14_000);
    expect(t.deployments.get("dep-1")).toMatchObject({
      status: "running",
      health_status: "unhealthy",
      reason: "connection refused at x",
    });
    expect(t.told.map(({ health, failures, reason }) => [health, failures, reason])).toEqual([
      ["healthy", 1, "connection refused at x"],
      ["healthy", 2, "connection refused at x"],
      ["unhealthy", 3, "connection refused at x"],
    ]);
    t.endpoint.answer = HEALTHY;
    await t.clock.advance(5_000);
    expect(t.deployments.get("dep-1")).toMatchObject({ status: "running", health_status: "healthy", reason: null });
    expect(t.told.at(-1)).toMatchObject({ health: "healthy", failures: 0, reason: null, threshold: 3 });
    const checks = t.activities.list({ limit: 10, activity_type: "model_health_check" }).items;
    expect(checks.map(({ severity, message }) => [severity, message])).toEqual([
      ["info", "Model LLaMA2 Chat is healthy again"],
      ["warning", "Model LLaMA2 Chat is unhealthy: connection refused at x"],
    ]);
    expect(t.events()).toHaveLength(2);
  });

  test("an engine that loads again does not serve", async () => {
    await using t = await running();
    t.endpoint.answer = LOADING;
    await t.clock.advance(14_000);
    expect(t.deployments.get("dep-1")).toMatchObject({
      health_status: "unhealthy",
      reason: "the engine at x is loading its model",
    });
  });

  test("is unknown once it is stopped, and that is told", async () => {
    await using t = await running();
    await t.deployments.stop("dep-1");
    expect(t.health()).toBe("unknown");
    expect(t.told.map((event) => event.health)).toEqual(["unknown"]);
  });

  test("probes keep their cadence: no drift, and none while one is in flight", async () => {
    await using t = await running(1, { interval_seconds: 5, timeout_seconds: 12 });
    await t.clock.advance(60_000);
    const times = t.endpoint.probes.map(({ at }) => at);
    expect(times).toHaveLength(12);
    expect(new Set(times.map((at) => Math.round(at % 5_000))).size).toBe(1);
    t.endpoint.answer = "hang";
    t.endpoint.probes.length = 0;
    await t.clock.advance(60_000);
    // Each takes 12 s and so leaves out the two ticks it is in the way of.
    expect(t.endpoint.probes).toHaveLength(4);
    for (const { at } of t.endpoint.probes) expect(Math.round(at % 5_000)).toBe(Math.round((times[0] ?? 0) % 5_000));
  });

  test("200 deployments probe once an interval each, spread over it", async () => {
    await using t = await running(200);
    await t.clock.advance(5_000);
    expect(new Set(t.endpoint.probes.map(({ port }) => port)).size).toBe(200);
    expect(t.endpoint.probes).toHaveLength(200);
    const perTenth = Array.from({ length: 10 }, () => 0);
    for (const { at } of t.endpoint.probes) {
      const tenth = Math.min(9, Math.floor(at / 500));
      perTenth[tenth] = (perTenth[tenth] ?? 0) + 1;
    }
    expect(Math.min(...perTenth)).toBeGreaterThanOrEqual(18);
    expect(Math.max(...perTenth)).toBeLessThanOrEqual(22);
  });

  test("a machine that slept, and a clock that was set, are no failures of the engine", async () => {
    await using t = await running(1, { unhealthy_threshold: 1 });
    t.endpoint.answer = "hang";
    await t.clock.advance(4_000);
    expect(t.endpoint.probes).toHaveLength(1);
    await t.clock.stall(3_600_000);
    expect(t.health()).toBe("healthy");
    expect(t.told).toEqual([]);
    t.endpoint.answer = HEALTHY;
    await t.clock.advance(5_000);
    t.endpoint.answer = "hang";
    t.endpoint.probes.length = 0;
    await t.clock.advance(5_000);
    expect(t.endpoint.probes).toHaveLength(1);
    // Suspended where the monotonic clock stands still meanwhile.
    t.clock.jumpWall(3_600_000);
    await t.clock.advance(5_000);
    expect(t.health()).toBe("healthy");
    expect(t.told).toEqual([]);
    await t.clock.advance(10_000);
    expect(t.health()).toBe("unhealthy");
  });
});
