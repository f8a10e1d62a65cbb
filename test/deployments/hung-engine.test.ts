import { describe, expect, test } from "bun:test";
import { Activities } from "../../src/activities/activities.ts";
import { systemClock } from "../../src/clock.ts";
import { createDeployment, createModel, modelStatus } from "../../src/contract/index.ts";
import { Deployments } from "../../src/deployments/deployments.ts";
import { Models } from "../../src/models/models.ts";
import { startEngine } from "../fake-engine/start.ts";
import { tempStore } from "../temp-store.ts";
import { eventually } from "./process/rig.ts";
import { FakeDriver, open, REFUSED, runtimesOf } from "./setup.ts";

test("a real engine that hangs while its health path answers is found, and found well again", async () => {
  await using engine = await startEngine("--mode", "vllm");
  using temp = tempStore();
  const { store } = temp;
  const activities = new Activities({ store, clock: systemClock });
  const models = new Models({ store, activities, clock: systemClock });
  models.create(createModel.parse({ model_id: "m", name: "M", model_source: "local" }));
  const runtimes = runtimesOf(new FakeDriver().driver);
  const ports = {
    portRange: { first: 20_000, last: 20_009 },
    portListener: async () => undefined,
    gpuMemory: async () => new Map(),
  };
  const log = { error: (message: string) => expect.unreachable(message) };
  await using deployments = new Deployments({
    store,
    models,
    activities,
    clock: systemClock,
    log,
    runtimes,
    ...ports,
  });
  const health = {
    ...{ interval_seconds: 1, timeout_seconds: 5, unhealthy_threshold: 1, metrics_path: "/metrics" },
    ...{ generation_path: "/v1/completions", generation_interval_seconds: 1, generation_timeout_seconds: 1 },
  };
  deployments.create(createDeployment.parse({ model_id: "m", runtime: "external", port: engine.port, health }));
  const entry = () => modelStatus.parse(deployments.status()).models[0];
  await eventually(() => entry()?.metrics?.engine === "vllm", "its metrics are shown");
  expect(deployments.get("dep-1")).toMatchObject({ status: "running", metrics: { requests_running: 0 } });
  await engine.control({ generate: "hang" });
  await eventually(() => entry()?.health_status === "unhealthy", "it is unhealthy");
  expect(deployments.get("dep-1").reason).toContain("the engine does not generate: it gave no token within 1 s");
  await engine.control({ generate: "answer" });
  await eventually(() => entry()?.health_status === "healthy", "it is healthy");
  await deployments.stop("dep-1");
  expect(entry()?.metrics).toBeNull();
}, 60_000);

describe("health options", () => {
  async function running(health: Record<string, unknown>, input: Record<string, unknown> = {}) {
    const temp = tempStore();
    const room = open(temp.store);
    room.addModel();
    room.fake.stopped.resolve();
    room.deploy({ runtime: "fake", restart_policy: "always", health, ...input });
    await room.clock.advance(0);
    return {
      ...room,
      get: () => room.deployments.get("dep-1"),
      async [Symbol.asyncDispose]() {
        await room.deployments[Symbol.asyncDispose]();
        temp[Symbol.dispose]();
        expect(room.errors).toEqual([]);
      },
    };
  }

  test("failures within the start period do not count", async () => {
    await using t = await running({ unhealthy_threshold: 1, start_period_seconds: 60 });
    t.endpoint.answer = REFUSED;
    await t.clock.advance(59_000);
    expect(t.get().health_status).toBe("healthy");
    await t.clock.advance(6_000);
    expect(t.get().health_status).toBe("unhealthy");
  });

  test("an unhealthy deployment is restarted if that was asked for, with its policy's back-off", async () => {
    await using t = await running({ restart_on_unhealthy: true });
    t.endpoint.answer = REFUSED;
    await t.clock.advance(15_000);
    expect(t.events().map(({ event }) => event)).toEqual([
      "deployment_started",
      "deployment_completed",
      "deployment_failed",
      "deployment_restarted",
    ]);
    expect(t.events()[2]?.details.reason).toBe("it is unhealthy: connection refused at x");
    expect(t.fake.calls).toEqual(["start dep-1", "stop", "start dep-1"]);
    expect(t.fake.alive).toBe(1);
    expect(t.get()).toMatchObject({ status: "deploying", restart_count: 1 });
  });

  test("it is left alone otherwise", async () => {
    await using t = await running({});
    t.endpoint.answer = REFUSED;
    await t.clock.advance(600_000);
    expect(t.get()).toMatchObject({ status: "running", health_status: "unhealthy" });
  });

  test("a restart on unhealthy without a policy that restarts is refused", async () => {
    await using t = await running({});
    const input = { runtime: "fake", restart_policy: "never", health: { restart_on_unhealthy: true } };
    expect(() => t.deploy(input)).toThrow(
      expect.objectContaining({
        code: "validation_failed",
        errors: [expect.objectContaining({ field: "health.restart_on_unhealthy" })],
      }),
    );
  });
});
