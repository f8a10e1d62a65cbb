import { describe, expect, test } from "bun:test";
import { deployment, deploymentEvent, modelStatus } from "../../src/contract/index.ts";
import { tempStore } from "../temp-store.ts";
import { HEALTHY, LOADING, open, REFUSED } from "./setup.ts";

function setup() {
  const temp = tempStore();
  const room = open(temp.store);
  room.addModel();
  return {
    ...room,
    async [Symbol.asyncDispose]() {
      await room.deployments[Symbol.asyncDispose]();
      // A leak check for every test: nothing waits once the room is closed.
      expect(room.clock.pending).toBe(0);
      temp[Symbol.dispose]();
    },
  };
}

const problem = (code: string, rest: object = {}) => expect.objectContaining({ name: "ProblemError", code, ...rest });

describe("a deployment", () => {
  test("starts when it is made and runs once a probe has passed", async () => {
    await using t = setup();
    t.endpoint.answer = LOADING;
    const made = deployment.parse(t.deploy());
    expect(made).toMatchObject({ deployment_id: "dep-1", name: "LLaMA2 Chat", status: "deploying", deployed_at: null });
    await t.clock.advance(30_000);
    expect(t.deployments.get("dep-1")).toMatchObject({ status: "deploying", uptime_seconds: 0, reason: null });
    t.endpoint.answer = HEALTHY;
    await t.clock.advance(1_000);
    const ready = t.deployments.get("dep-1");
    expect(ready).toMatchObject({ status: "running", health_status: "healthy", model_source: "huggingface" });
    expect(ready.deployed_at).toBe("2025-01-01T12:00:31.000Z");
    await t.clock.advance(90_500);
    expect(t.deployments.get("dep-1").uptime_seconds).toBe(90);
    expect(modelStatus.parse(t.deployments.status())).toMatchObject({
      total_models: 1,
      running_models: 1,
      failed_models: 0,
      models: [{ deployment_id: "dep-1", port: 8000, uptime_seconds: 90, model_source: "huggingface" }],
    });
  });

  test("tells of each step with one event and one activity, kept as they were sent", async () => {
    await using t = setup();
    const pushed: unknown[] = [];
    using _ = t.store.bus.on("deployment_events", (event) => pushed.push(event));
    t.deploy();
    await t.clock.advance(2_000);
    await t.deployments.restart("dep-1");
    await t.clock.advance(0);
    await t.deployments.stop("dep-1");
    expect(t.events().map((event) => deploymentEvent.parse(event) && [event.event, event.status])).toEqual([
      ["deployment_started", "deploying"],
      ["deployment_completed", "running"],
      ["deployment_restarted", "deploying"],
      ["deployment_completed", "running"],
      ["deployment_stopped", "stopped"],
    ]);
    expect(t.history()).toEqual([
      "Model LLaMA2 Chat deployment started",
      "Model LLaMA2 Chat deployment completed",
      "Model LLaMA2 Chat deployment restarted",
      "Model LLaMA2 Chat deployment completed",
      "Model LLaMA2 Chat deployment stopped",
    ]);
    expect(pushed).toEqual([...t.deployments.log.after(0, 100)]);
    expect(t.events()[0]).toMatchObject({
      event_id: "evt-1",
      message: "Starting deployment for llama2-7b",
      details: { name: "LLaMA2 Chat", model_source: "huggingface", port: 8000 },
    });
    expect(t.deployments.log.newest()).toBe(5);
    expect(t.deployments.log.seqOf("evt-5")).toBe(5);
    expect(t.deployments.log.seqOf("act-5")).toBeUndefined();
  });

  test("fails with a reason and a hint when nothing answers for 120 s, and can be started again", async () => {
    await using t = setup();
    t.endpoint.answer = REFUSED;
    t.deploy();
    await t.clock.advance(119_999);
    expect(t.deployments.get("dep-1")).toMatchObject({ status: "deploying", reason: "connection refused at x" });
    await t.clock.advance(1);
    const reason = "no progress for 120 s: connection refused at x";
    expect(t.deployments.get("dep-1")).toMatchObject({ status: "failed", reason, health_status: "unknown" });
    expect(t.events().at(-1)).toMatchObject({ event: "deployment_failed", details: { reason, hint: "start it" } });
    expect(t.activities.list({ limit: 1 }).items[0]).toMatchObject({ severity: "error", extra_data: { reason } });
    expect(t.deployments.status().failed_models).toBe(1);
    t.endpoint.answer = HEALTHY;
    await t.deployments.start("dep-1");
    await t.clock.advance(0);
    expect(t.deployments.get("dep-1")).toMatchObject({ status: "running", reason: null });
  });

  test("may load for half an hour, but no longer", async () => {
    await using t = setup();
    t.endpoint.answer = LOADING;
    t.deploy();
    await t.clock.advance(30 * 60_000 - 1);
    expect(t.deployments.get("dep-1").status).toBe("deploying");
    await t.clock.advance(1);
    expect(t.deployments.get("dep-1").reason).toStartWith("not ready after 30 minutes: the engine at x is loading");
  });

  test("that hangs fails exactly at its deadline, however long one probe may take", async () => {
    await using t = setup();
    t.endpoint.answer = "hang";
    t.deploy({ health: { start_timeout_seconds: 10, timeout_seconds: 60 } });
    await t.clock.advance(9_999);
    expect(t.deployments.get("dep-1").status).toBe("deploying");
    await t.clock.advance(1);
    expect(t.deployments.get("dep-1").status).toBe("failed");
  });

  test("estimates its completion from this model's own past starts, and not without any", async () => {
    await using t = setup();
    for (const seconds of [10, 30, 20]) {
      t.endpoint.answer = LOADING;
      const { deployment_id: id } = t.deploy();
      await t.clock.advance(seconds * 1_000 - 500);
      t.endpoint.answer = HEALTHY;
      await t.clock.advance(500);
      expect(t.deployments.get(id).status).toBe("running");
    }
    t.addModel("other");
    t.deploy();
    t.deploy({ model_id: "other" });
    const estimates = t.events().filter((event) => event.event === "deployment_started");
    const seconds = estimates.map(({ created_at, details: { estimated_completion: at } }) =>
      at === undefined ? undefined : (Date.parse(at) - Date.parse(created_at)) / 1_000,
    );
    expect(seconds).toEqual([undefined, 10, 20, 20, undefined]);
  });
});

describe("commands", () => {
  test("stop during a start calls the probe off; nothing comes after it", async () => {
    await using t = setup();
    t.endpoint.answer = "hang";
    t.deploy();
    expect(await t.deployments.stop("dep-1")).toMatchObject({ status: "stopped" });
    expect(t.clock.pending).toBe(1);
    await t.clock.advance(600_000);
    expect(t.deployments.get("dep-1").status).toBe("stopped");
    expect(t.endpoint.probes).toHaveLength(1);
  });

  test("an illegal one is refused with the state and what is possible, and changes nothing", async () => {
    await using t = setup();
    t.deploy();
    await t.clock.advance(0);
    await expect(t.deployments.start("dep-1")).rejects.toThrow(problem("illegal_transition"));
    await t.deployments.stop("dep-1");
    await expect(t.deployments.stop("dep-1")).rejects.toThrow("is stopped; possible: start, restart");
    expect(t.events().map(({ status }) => status)).toEqual(["deploying", "running", "stopped"]);
  });

  test("remove stops what runs and leaves its history; its number is never used again", async () => {
    await using t = setup();
    t.deploy();
    await t.clock.advance(0);
    await t.deployments.remove("dep-1");
    expect(() => t.deployments.get("dep-1")).toThrow(problem("not_found"));
    expect(t.deployments.list({ limit: 10 }).items).toEqual([]);
    expect(t.events().at(-1)).toMatchObject({ event: "deployment_stopped", deployment_id: "dep-1" });
    expect(t.history().at(-1)).toBe("Model LLaMA2 Chat deployment removed");
    t.models.remove("llama2-7b");
    t.addModel();
    t.endpoint.answer = LOADING;
    expect(t.deploy().deployment_id).toBe("dep-2");
    await t.deployments.remove("dep-2");
    const last = {
      event: "deployment_stopped",
      deployment_id: "dep-2",
      details: { reason: "the deployment was removed" },
    };
    expect(t.events().at(-1)).toMatchObject(last);
  });

  test("for what is not there are not_found", async () => {
    await using t = setup();
    for (const command of ["start", "stop", "restart", "remove"] as const) {
      await expect(t.deployments[command]("dep-9")).rejects.toThrow(problem("not_found"));
    }
    expect(() => t.deployments.get("nonsense")).toThrow(problem("not_found"));
  });

  test("a listener that answers a push with a command is heard after the step that pushed", async () => {
    await using t = setup();
    using _ = t.store.bus.on("deployment_events", ({ data }) => {
      if (data.event === "deployment_completed") void t.deployments.stop(data.deployment_id);
    });
    t.deploy();
    await t.clock.advance(0);
    expect(t.deployments.get("dep-1").status).toBe("stopped");
    expect(t.errors).toEqual([]);
  });
});

describe("what cannot be deployed is refused, field by field", () => {
  const refusals: [string, Record<string, unknown>, string, string][] = [
    ["an unknown model", { model_id: "nope" }, "model_id", "There is no model nope"],
    ["an unknown runtime", { runtime: "nope" }, "runtime", "There is no runtime nope"],
    ["external without a port", { port: undefined }, "port", "cannot be made like this"],
    ["a host with a port", { host: "localhost:8000" }, "host", "cannot be made like this"],
  ];
  test.each(refusals)("%s", async (_name, input, field, detail) => {
    await using t = setup();
    const errors = [expect.objectContaining({ field })];
    const refused = problem("validation_failed", { errors, message: expect.stringContaining(detail) });
    expect(() => t.deploy(input)).toThrow(refused);
    expect(t.deployments.list({ limit: 1 }).items).toEqual([]);
  });

  test("a runtime that cannot be used here, when it is made and when it is started", async () => {
    await using t = setup();
    t.fake.broken = "no such program";
    expect(() => t.deploy({ runtime: "fake" })).toThrow(problem("runtime_unavailable"));
    const named = (name: string) => t.deployments.runtimes().find((runtime) => runtime.name === name);
    expect(named("external")).toMatchObject({ driver: "external", available: true, reason: null });
    expect(named("fake")).toMatchObject({ driver: "process", available: false, reason: "no such program" });
    expect(named("docker")).toMatchObject({ available: false, reason: "this server has no driver docker" });
  });

  test("what has no meaning for external is kept all the same", async () => {
    await using t = setup();
    const kept = { args: ["-c", "4096"], env: { A: "b" }, cpu_cores: 4, memory_limit: "8GB", host: "::1" };
    expect(t.deploy(kept)).toMatchObject(kept);
  });
});

test("lists page by id, filtered by model and status", async () => {
  await using t = setup();
  t.addModel("other");
  for (let i = 0; i < 5; i++) t.deploy({ model_id: i % 2 ? "other" : "llama2-7b" });
  await t.deployments.stop("dep-2");
  const ids = (query: Parameters<typeof t.deployments.list>[0]) => {
    const { items, next } = t.deployments.list(query);
    return [...items.map((item) => item.deployment_id), next];
  };
  expect(ids({ limit: 2 })).toEqual(["dep-1", "dep-2", "dep-2"]);
  expect(ids({ limit: 2, after: "dep-2" })).toEqual(["dep-3", "dep-4", "dep-4"]);
  expect(ids({ limit: 2, after: "dep-4" })).toEqual(["dep-5", null]);
  expect(ids({ limit: 9, model_id: "other" })).toEqual(["dep-2", "dep-4", null]);
  expect(ids({ limit: 9, status: "stopped" })).toEqual(["dep-2", null]);
});

test("a model whose source is changed is shown with the new one", async () => {
  await using t = setup();
  t.deploy();
  t.deployments.status();
  t.models.update("llama2-7b", { model_source: "local" });
  expect(t.deployments.status().models[0]?.model_source).toBe("local");
});
