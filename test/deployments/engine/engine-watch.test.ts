import { describe, expect, test } from "bun:test";
import { engineMetrics } from "../../../src/contract/index.ts";
import { EngineWatch, type EngineWatchParts } from "../../../src/deployments/engine/engine-watch.ts";
import { FakeClock } from "../../fake-clock.ts";
import { type FakeEngine, startEngine } from "../../fake-engine/start.ts";
import { eventually } from "../process/rig.ts";

const INTERVAL_MS = 60_000;
const never = new AbortController().signal;

function watching(engine: FakeEngine, change: Partial<EngineWatchParts> = {}) {
  const clock = new FakeClock();
  const watch = new EngineWatch({
    endpoint: { host: "127.0.0.1", port: engine.port },
    scheme: "http",
    modelId: "m",
    clock,
    metricsPath: "/metrics",
    generation: { path: "/v1/completions", intervalMs: INTERVAL_MS, timeoutMs: 30_000 },
    ...change,
  });
  return { clock, watch };
}

const told = (change: object = {}) => ({ running: 0, waiting: 0, prompt: 0, generated: 0, cache: 0, ...change });

describe("the metrics of a real engine", () => {
  test("tell what it is doing, and rates from the second look on", async () => {
    await using engine = await startEngine("--mode", "vllm");
    const { clock, watch } = watching(engine);
    await engine.control({ metrics: told({ running: 2, waiting: 1, prompt: 100, generated: 1_000, cache: 0.5 }) });
    await watch.scrape(5_000, never);
    expect(engineMetrics.parse(watch.metrics)).toEqual({
      engine: "vllm",
      requests_running: 2,
      requests_waiting: 1,
      prompt_tokens_per_second: null,
      generation_tokens_per_second: null,
      prompt_tokens_total: 100,
      generation_tokens_total: 1_000,
      cache_usage_percent: 50,
      sampled_at: "2025-01-01T12:00:00.000Z",
    });
    await clock.advance(5_000);
    await engine.control({ metrics: told({ prompt: 150, generated: 1_242 }) });
    await watch.scrape(5_000, never);
    expect(watch.metrics).toMatchObject({ prompt_tokens_per_second: 10, generation_tokens_per_second: 48.4 });
    await clock.advance(5_000);
    await engine.control({ metrics: told() });
    await watch.scrape(5_000, never);
    expect(watch.metrics).toMatchObject({ generation_tokens_per_second: null, generation_tokens_total: 0 });
  });

  test("are null when there are none, which is asked again a minute later", async () => {
    await using engine = await startEngine();
    const { clock, watch } = watching(engine);
    await engine.control({ metrics: null });
    for (let i = 0; i < 3; i++) await watch.scrape(5_000, never);
    expect(watch.metrics).toBeNull();
    expect((await engine.state()).asked["/metrics"]).toBe(1);
    await engine.control({ metrics: told({ running: 1 }) });
    await clock.advance(60_000);
    await watch.scrape(5_000, never);
    expect(watch.metrics).toMatchObject({ engine: "llama.cpp", requests_running: 1, cache_usage_percent: null });
    await engine.crash();
    await watch.scrape(5_000, never);
    expect(watch.metrics).toBeNull();
  });

  test("are not asked for where nobody said so", async () => {
    await using engine = await startEngine();
    const { clock, watch } = watching(engine, { metricsPath: null, generation: null });
    await clock.advance(600_000);
    await watch.scrape(5_000, never);
    expect(watch.dueTimeoutMs).toBeUndefined();
    expect((await engine.state()).asked).toEqual({});
  });
});

describe("one token", () => {
  test("is asked for when none has moved for the interval, with the name the engine serves", async () => {
    await using engine = await startEngine("--model", "served");
    const { clock, watch } = watching(engine);
    await watch.scrape(5_000, never);
    await clock.advance(INTERVAL_MS - 1);
    expect(watch.dueTimeoutMs).toBeUndefined();
    await clock.advance(1);
    expect(watch.dueTimeoutMs).toBe(30_000);
    expect(await watch.generate(30_000, never)).toEqual({ outcome: "healthy" });
    expect(watch.dueTimeoutMs).toBeUndefined();
    expect((await engine.state()).asked).toMatchObject({ "/v1/models": 1, "/v1/completions": 1 });
  });

  test("is not asked for while tokens move", async () => {
    await using engine = await startEngine();
    const { clock, watch } = watching(engine);
    for (let generated = 1; generated <= 5; generated++) {
      await engine.control({ metrics: told({ generated }) });
      await watch.scrape(5_000, never);
      expect(watch.dueTimeoutMs).toBeUndefined();
      await clock.advance(INTERVAL_MS / 2);
    }
    expect((await engine.state()).asked["/v1/completions"]).toBeUndefined();
  });

  test("that does not come is a failure, and is asked for again at once until it comes", async () => {
    await using engine = await startEngine("--hang", "generate");
    const { clock, watch } = watching(engine);
    await clock.advance(INTERVAL_MS);
    const pending = watch.generate(30_000, never);
    await eventually(async () => (await engine.state()).asked["/v1/completions"] === 1, "the question");
    await clock.advance(30_000);
    expect(await pending).toMatchObject({
      outcome: "failed",
      reason: `the engine does not generate: it gave no token within 30 s at http://127.0.0.1:${engine.port}/v1/completions`,
    });
    expect(watch.dueTimeoutMs).toBe(30_000);
    await engine.control({ generate: "answer" });
    expect(await watch.generate(30_000, never)).toEqual({ outcome: "healthy" });
    expect(watch.dueTimeoutMs).toBeUndefined();
  });

  test("that moves clears an engine that was suspected", async () => {
    await using engine = await startEngine();
    const { clock, watch } = watching(engine);
    await watch.scrape(5_000, never);
    await clock.advance(INTERVAL_MS);
    await engine.control({ generate: 500 });
    expect((await watch.generate(30_000, never)).outcome).toBe("failed");
    await engine.control({ metrics: told({ generated: 7 }) });
    await watch.scrape(5_000, never);
    expect(watch.dueTimeoutMs).toBeUndefined();
  });

  const answers: [status: number, outcome: string, again: boolean][] = [
    [429, "healthy", true],
    [401, "healthy", false],
    [404, "healthy", false],
    [501, "healthy", false],
    [503, "failed", true],
  ];
  test.each(answers)("answered with %i is %s", async (status, outcome, again) => {
    await using engine = await startEngine();
    const { clock, watch } = watching(engine);
    await clock.advance(INTERVAL_MS);
    await engine.control({ generate: status });
    expect((await watch.generate(30_000, never)).outcome).toBe(outcome as "failed");
    await clock.advance(INTERVAL_MS);
    expect(watch.dueTimeoutMs).toBe(again ? 30_000 : undefined);
  });

  test("is called off with the deployment", async () => {
    await using engine = await startEngine("--hang", "generate");
    const { clock, watch } = watching(engine);
    const abort = new AbortController();
    const pending = watch.generate(30_000, abort.signal);
    await eventually(async () => (await engine.state()).asked["/v1/completions"] === 1, "the question");
    abort.abort(new Error("stopped"));
    await expect(pending).rejects.toThrow("stopped");
    expect(clock.pending).toBe(0);
    await eventually(async () => (await engine.state()).connections === 0, "no connection is left");
  });
});
