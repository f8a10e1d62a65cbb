import { describe, expect, test } from "bun:test";
import { historyAnswer } from "../../src/contract/index.ts";
import { ProbeTimes } from "../../src/history/probe-times.ts";
import { deploymentValues, record } from "../../src/history/recorder.ts";
import { mountHistory } from "../../src/history/routes.ts";
import type { ResourceFrame } from "../../src/resources/sampler.ts";
import { sample, statusEntry } from "../dashboard/examples.ts";
import { testApp } from "../http/setup.ts";
import { historyRig, MINUTE } from "./setup.ts";

describe("the history over REST", () => {
  test("several metrics in one call, and all of them without a name", async () => {
    using rig = historyRig();
    using t = testApp({}, undefined, [(api) => mountHistory(api, rig.history, rig.clock)]);
    let tick = (_frame: ResourceFrame) => {};
    using _recorder = record({
      history: rig.history,
      resources: {
        watch(consumer) {
          tick = consumer;
          return new DisposableStack();
        },
      },
      modelStatus: () => ({ total_models: 1, running_models: 1, failed_models: 0, models: [statusEntry(1)] }),
      probeTimes: new ProbeTimes(),
      clock: rig.clock,
      onError: (error) => {
        throw error;
      },
    });
    for (let i = 0; i < 60; i++) {
      tick({ timestamp: "", data: sample(0, 50).data });
      await rig.clock.advance(2_000);
    }
    const get = async (path: string) => {
      const { status, body } = await t.json("GET", path, undefined);
      expect(status).toBe(200);
      return historyAnswer.parse(body);
    };
    const two = await get("/api/v1/resources/history?metric=cpu,memory&metric=network&points=60");
    expect(two.series.map(({ metric }) => metric)).toEqual(["cpu", "memory", "network"]);
    expect(two.series[0]?.avg).toHaveLength(two.times.length);
    expect(Date.parse(two.to) - Date.parse(two.from)).toBe(60 * MINUTE);
    const all = await get("/api/v1/resources/history");
    expect(all.series.map(({ metric }) => metric)).toContain("disk");

    const health = await get(`/api/v1/deployments/dep-1/history?metric=up,healthy`);
    expect(health.series.map(({ metric, unit }) => [metric, unit])).toEqual([
      ["up", "ratio"],
      ["healthy", "ratio"],
    ]);
    expect(health.series[0]?.avg).toContain(1);
    expect(await get("/api/v1/deployments/dep-999/history")).toMatchObject({ series: [] });
  });

  test.each([
    ["metric=cpu2", "metric.0"],
    ["metric=gpu.0.fan", "metric.0"],
    [`metric=${Array.from({ length: 65 }, () => "cpu").join()}`, "metric"],
    ["from=yesterday", "from"],
    ["from=2025-01-02T00:00:00Z&to=2025-01-01T00:00:00Z", "from"],
    ["from=2999-01-01T00:00:00Z", "from"],
    ["points=1", "points"],
    ["points=2001", "points"],
    ["points=many", "points"],
    ["until=2025-01-01T00:00:00Z", "until"],
  ])("a query that makes no sense is refused by its field: %s", async (query, field) => {
    using rig = historyRig();
    using t = testApp({}, undefined, [(api) => mountHistory(api, rig.history, rig.clock)]);
    const { status, body } = await t.json("GET", `/api/v1/resources/history?${query}`, undefined);
    expect(status).toBe(422);
    expect(body.errors.map((error: { field: string }) => error.field)).toContain(field);
  });
});

describe("what is kept of a deployment", () => {
  const entry = statusEntry(1);

  test("up, healthy and latency follow its status; one that nobody wants to run leaves gaps", () => {
    expect(deploymentValues({ ...entry, status: "running", health_status: "healthy" }, 12)).toEqual({
      up: 1,
      healthy: 1,
      latency: 12,
    });
    expect(deploymentValues({ ...entry, status: "running", health_status: "unhealthy" }, null)).toEqual({
      up: 1,
      healthy: 0,
      latency: null,
    });
    expect(deploymentValues({ ...entry, status: "running", health_status: "unknown" }, null)).toEqual({
      up: 1,
      healthy: null,
      latency: null,
    });
    expect(deploymentValues({ ...entry, status: "failed", health_status: "unhealthy" }, null)).toEqual({
      up: 0,
      healthy: null,
      latency: null,
    });
    expect(deploymentValues({ ...entry, status: "stopped", health_status: "unknown" }, null)).toEqual({
      up: null,
      healthy: null,
      latency: null,
    });
  });

  test("the time of a good probe is known by its endpoint, once; that of a bad one is not", async () => {
    using rig = historyRig();
    const times = new ProbeTimes();
    let outcome: "healthy" | "failed" = "healthy";
    const probes = times.timing(() => async () => {
      await rig.clock.stall(7);
      return outcome === "healthy" ? { outcome } : { outcome, reason: "no", hint: "no" };
    });
    const endpoint = { host: "localhost", port: 1 };
    const probe = probes(endpoint, { scheme: "http", path: null }, rig.clock);
    await probe(100, new AbortController().signal);
    const latencyOf = times.take();
    expect([latencyOf(endpoint), latencyOf({ ...endpoint, port: 2 })]).toEqual([7, null]);
    expect(times.take()(endpoint)).toBeNull();
    outcome = "failed";
    await probe(100, new AbortController().signal);
    expect(times.take()(endpoint)).toBeNull();
  });
});
