import { describe, expect, test } from "bun:test";
import { OpenAPIHono } from "@hono/zod-openapi";
import { Activities } from "../../src/activities/activities.ts";
import { createModel, deployment, type HealthStatus, runtime } from "../../src/contract/index.ts";
import { Deployments } from "../../src/deployments/deployments.ts";
import { mountDeployments } from "../../src/deployments/routes.ts";
import { Models } from "../../src/models/models.ts";
import type { BusEvents } from "../../src/store/bus.ts";
import { FakeClock } from "../fake-clock.ts";
import { startEngine } from "../fake-engine/start.ts";
import { tempStore } from "../temp-store.ts";
import { FakeDriver, runtimesOf } from "./setup.ts";

/** The real thing: real probes over HTTP to a real engine process; only the clock waits for the test. */
function setup() {
  const temp = tempStore();
  const { store } = temp;
  const clock = new FakeClock();
  const activities = new Activities({ store, clock });
  const models = new Models({ store, activities, clock });
  models.create(createModel.parse({ model_id: "llama2-7b", name: "LLaMA2 Chat", model_source: "huggingface" }));
  const failures: unknown[] = [];
  const log = { error: (_message: string, properties: object) => void failures.push(properties) };
  const runtimes = runtimesOf(new FakeDriver().driver);
  const ports = {
    portRange: { first: 20_000, last: 20_009 },
    portListener: async () => undefined,
    gpuMemory: async () => new Map(),
  };
  const deployments = new Deployments({ store, models, activities, clock, log, runtimes, ...ports });
  const app = new OpenAPIHono();
  mountDeployments(app, deployments);
  const api = async (method: string, path: string, body?: unknown) => {
    const init =
      body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } };
    const response = await app.request(`/api/v1${path}`, { method, ...init });
    const text = await response.text();
    return { status: response.status, body: text === "" ? undefined : (JSON.parse(text) as unknown) };
  };
  /** Resolves with the next event that `wanted` holds for. */
  const next = <Type extends keyof BusEvents>(type: Type, wanted: (event: BusEvents[Type]) => boolean) =>
    new Promise<BusEvents[Type]>((resolve) => {
      const subscription = store.bus.on(type, (event) => {
        if (!wanted(event)) return;
        subscription[Symbol.dispose]();
        resolve(event);
      });
    });
  return {
    clock,
    deployments,
    api,
    event: (name: string) => next("deployment_events", ({ data }) => data.event === name),
    health: (status: HealthStatus, failures = 0) =>
      next("deployment_health", (event) => event.health === status && event.failures >= failures),
    async [Symbol.asyncDispose]() {
      await deployments[Symbol.asyncDispose]();
      temp[Symbol.dispose]();
      expect(failures).toEqual([]);
    },
  };
}

describe("an external deployment of a real engine", () => {
  test("waits while llama-server loads, runs, turns unhealthy when it hangs and healthy again", async () => {
    await using engine = await startEngine("--load-ms", "hold");
    await using t = setup();
    // The clock leaps while answers take real time, so the timeout is longer than any leap that is not meant to hit it.
    const health = { timeout_seconds: 60, interval_seconds: 5, unhealthy_threshold: 1 };
    const input = { model_id: "llama2-7b", runtime: "external", port: engine.port, health };
    const made = await t.api("POST", "/deployments", input);
    expect(made.status).toBe(201);
    expect(deployment.parse(made.body).status).toBe("deploying");
    const completed = t.event("deployment_completed");
    await engine.control({ loaded: true });
    // The first probe may have found it loading; then the second is due after a second.
    for (let done = false; !done; ) {
      await t.clock.advance(1_000);
      done = await Promise.race([completed.then(() => true), engine.state().then(() => false)]);
    }
    expect(t.deployments.get("dep-1")).toMatchObject({ status: "running", health_status: "healthy" });

    await engine.control({ health: "hang" });
    const unhealthy = t.health("unhealthy", 1);
    const asked = (await engine.state()).asked["/health"] ?? 0;
    await t.clock.advance(5_000);
    while ((await engine.state()).asked["/health"] === asked);
    await t.clock.advance(59_000);
    expect((await unhealthy).reason).toBe(`no answer within 60 s at http://localhost:${engine.port}/health`);
    expect(t.deployments.get("dep-1")).toMatchObject({ status: "running", health_status: "unhealthy" });

    await engine.control({ health: 200 });
    const again = t.health("healthy");
    await t.clock.advance(5_000);
    await again;

    const gone = t.health("unhealthy", 1);
    await engine.crash();
    await t.clock.advance(5_000);
    expect((await gone).reason).toBe(`connection refused at http://localhost:${engine.port}/health`);
    expect(t.deployments.get("dep-1").status).toBe("running");
  });

  test("is commanded over REST", async () => {
    await using engine = await startEngine("--mode", "ollama");
    await using t = setup();
    const ready = t.event("deployment_completed");
    await t.api("POST", "/deployments", { model_id: "llama2-7b", runtime: "external", port: engine.port });
    await ready;
    expect(await t.api("GET", "/deployments/dep-1")).toMatchObject({ status: 200, body: { status: "running" } });
    expect(await t.api("POST", "/deployments/dep-1/stop")).toMatchObject({ status: 202, body: { status: "stopped" } });
    const again = t.event("deployment_completed");
    expect(await t.api("POST", "/deployments/dep-1/start")).toMatchObject({
      status: 202,
      body: { status: "deploying" },
    });
    await again;
    const restarted = t.event("deployment_completed");
    expect(await t.api("POST", "/deployments/dep-1/restart")).toMatchObject({ status: 202 });
    await restarted;
    const page = { items: [{ deployment_id: "dep-1", status: "running" }], next: null };
    expect(await t.api("GET", "/deployments?model_id=llama2-7b&status=running")).toMatchObject({
      status: 200,
      body: page,
    });
    expect(await t.api("DELETE", "/deployments/dep-1")).toEqual({ status: 204, body: undefined });
    expect(await t.api("GET", "/deployments")).toEqual({ status: 200, body: { items: [], next: null } });
    const runtimes = await t.api("GET", "/runtimes");
    const items = (runtimes.body as { items: unknown[] }).items.map((item) => runtime.parse(item));
    expect(items.find(({ name }) => name === "external")).toMatchObject({ driver: "external", available: true });
  });
});
