import { describe, expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { estimatedCompletion, idleLimitMs, percentRead, type Start } from "../../src/deployments/loading/estimate.ts";
import { progressIn, LOADING as STEP } from "../../src/deployments/loading/log-progress.ts";
import { processTree } from "../../src/deployments/loading/process-tree.ts";
import { Reading } from "../../src/deployments/loading/reading.ts";
import { modelBytes } from "../../src/deployments/recipes/model-bytes.ts";
import { tempDir } from "../temp-dir.ts";
import { tempStore } from "../temp-store.ts";
import { LOADING, open, REFUSED } from "./setup.ts";

const onLinux = test.skipIf(process.platform !== "linux");
const MIB = 1024 * 1024;

describe("when a start will be over", () => {
  const start = (change: Partial<Start>): Start => ({
    ...{ startedAt: 0, now: 10_000, medianMs: undefined, percent: null, ...change },
  });
  const cases: [string, Partial<Start>, number | null][] = [
    ["nothing is known", {}, null],
    ["history alone", { medianMs: 60_000 }, 60_000],
    ["history that has passed", { medianMs: 5_000 }, null],
    ["loading alone", { percent: 25 }, 40_000],
    ["too little of it", { percent: 4 }, null],
    ["both, early: mostly history", { medianMs: 60_000, percent: 10 }, 64_000],
    ["both, late: mostly loading", { medianMs: 60_000, percent: 80 }, 22_000],
    ["history that has passed, and loading", { medianMs: 5_000, percent: 50 }, 12_500],
    ["a start that began in the future, as a clock was set", { now: -5_000, percent: 50 }, null],
  ];
  test.each(cases)("%s", (_name, change, expected) => {
    expect(estimatedCompletion(start(change))).toBe(expected);
  });

  test("is never in the past", () => {
    const share = fc.option(fc.integer({ min: 0, max: 99 }));
    fc.assert(
      fc.property(fc.nat(1e7), fc.option(fc.nat(1e7), { nil: undefined }), share, (now, medianMs, percent) => {
        const at = estimatedCompletion({ startedAt: 0, now, medianMs, percent });
        if (at !== null) expect(at).toBeGreaterThanOrEqual(now);
      }),
    );
  });
});

test("percent of a model that is read, and how long a start may stand still", () => {
  expect(percentRead(50, 200)).toBe(25);
  expect(percentRead(500, 200)).toBe(99);
  expect(percentRead(0, 200)).toBeNull();
  expect(percentRead(50, null)).toBeNull();
  expect(percentRead(50, 0)).toBeNull();
  expect(idleLimitMs(120_000, null)).toBe(120_000);
  expect(idleLimitMs(120_000, 40e9)).toBe(320_000);
});

test("a model is as big as it is registered, else as its file", () => {
  using dir = tempDir();
  const file = join(dir.path, "model.gguf");
  writeFileSync(file, Buffer.alloc(3_000));
  using temp = tempStore();
  const room = open(temp.store);
  const model = { ...room.addModel(), model_source: "local" as const };
  expect(modelBytes({ ...model, uri: file })).toBe(3_000);
  expect(modelBytes({ ...model, uri: file, size_bytes: 7 })).toBe(7);
  for (const uri of [null, dir.path, join(dir.path, "none"), join(file, "below"), "hf://org/name"]) {
    expect(modelBytes({ ...model, uri })).toBeNull();
  }
});

onLinux("what a process and its children read is seen, once", async () => {
  using dir = tempDir();
  const file = join(dir.path, "model");
  writeFileSync(file, Buffer.alloc(8 * MIB));
  const script = 'read _; cat "$0" > /dev/null; echo done; read _';
  const shell = spawn("/bin/sh", ["-c", script, file], { stdio: ["pipe", "pipe", "inherit"] });
  const exited = once(shell, "exit");
  const pid = shell.pid as number;
  const reading = new Reading();
  expect(reading.look(pid)).toBe(false);
  shell.stdin.write("\n");
  await once(shell.stdout, "data");
  expect(reading.look(pid)).toBe(true);
  expect(reading.bytes).toBeGreaterThanOrEqual(8 * MIB);
  expect(reading.look(pid)).toBe(false);
  shell.stdin.end("\n");
  await exited;
  expect(reading.look(pid)).toBe(false);
  expect(reading.bytes).toBeGreaterThanOrEqual(8 * MIB);
});

onLinux("a process tree is the process and what it has started", async () => {
  const shell = spawn("/bin/sh", ["-c", "sleep 1000 & echo $!; wait"], { stdio: ["ignore", "pipe", "ignore"] });
  const [said] = (await once(shell.stdout, "data")) as [Buffer];
  const child = Number(said.toString());
  expect(processTree(shell.pid as number)).toEqual([shell.pid as number, child]);
  process.kill(child, "SIGKILL");
  await once(shell, "exit");
  expect(processTree(shell.pid as number)).toEqual([shell.pid as number]);
});

const logs: [log: string, step: string | null, percent: number | null][] = [
  ["INFO starting\n", null, null],
  ["Loading safetensors checkpoint shards:  26% Completed | 22/85 [02:11<06:16,  5.98s/it]\n", STEP, 26],
  [
    "\rLoading pt checkpoint shards:   0% Completed | 0/2\rLoading pt checkpoint shards:  50% Completed | 1/2",
    STEP,
    50,
  ],
  ["2026-11-25T12:00:00Z stderr F Multi-thread loading shards: 100% Completed | 4/4", STEP, 100],
  ["5.13.238.532 I loaded  59% model tensors into buffer", STEP, 59],
  ["Fetching 5 files:  40%|####      | 2/5 [00:03<00:04]", "downloading the model", 40],
  [
    "shards: 100% Completed\nCapturing CUDA graphs (mixed prefill-decode, PIECEWISE):  45%|####",
    "capturing CUDA graphs",
    45,
  ],
  ["Capturing batches (bs=160 avail_mem=5.67 GB):   4%|4", "capturing CUDA graphs", 4],
  ["shards: 999% Completed", null, null],
];
test.each(logs)("the log %p tells of %p", (log, step, percent) => {
  expect(progressIn(log)).toEqual(step === null ? undefined : { step, percent: percent ?? 0 });
});

describe("a start", () => {
  async function starting(sizeBytes: number | null) {
    const temp = tempStore();
    const room = open(temp.store);
    room.models.create({ ...blank, size_bytes: sizeBytes });
    room.fake.stopped.resolve();
    room.endpoint.answer = REFUSED;
    room.deploy({ runtime: "fake" });
    await room.clock.advance(0);
    return {
      ...room,
      get: () => room.deployments.get("dep-1"),
      async [Symbol.asyncDispose]() {
        await room.deployments[Symbol.asyncDispose]();
        expect(room.errors).toEqual([]);
        temp[Symbol.dispose]();
      },
    };
  }
  const blank = {
    ...{ model_id: "llama2-7b", name: "LLaMA2 Chat", model_source: "local" as const, uri: "/none.gguf" },
    ...{ description: null, context_length: null, tags: [] },
  };

  test("of a big model may stand still for longer", async () => {
    await using t = await starting(40e9);
    await t.clock.advance(319_999);
    expect(t.get().status).toBe("deploying");
    await t.clock.advance(1);
    expect(t.get()).toMatchObject({ status: "failed", reason: "no progress for 320 s: connection refused at x" });
  });

  test("shows what the driver knows of its progress, and reckons with it when it is the model's", async () => {
    await using t = await starting(null);
    t.fake.progress = { step: "pulling the image vllm/vllm-openai", percent: 50 };
    await t.clock.advance(20_000);
    expect(t.get()).toMatchObject({ progress: t.fake.progress, estimated_completion: null });
    t.fake.progress = { step: STEP, percent: 50 };
    expect(t.get()).toMatchObject({ progress: t.fake.progress, estimated_completion: "2025-01-01T12:00:40.000Z" });
    expect(t.deployments.status().models[0]).toMatchObject({ progress: { step: STEP, percent: 50 } });
  });

  test("shows when it will be over, from the starts before it, and nothing once it runs", async () => {
    await using t = await starting(null);
    expect(t.get()).toMatchObject({ status: "deploying", estimated_completion: null, progress: null });
    await t.clock.advance(30_000);
    t.endpoint.answer = { outcome: "healthy" };
    await t.clock.advance(1_000);
    t.endpoint.answer = LOADING;
    await t.deployments.restart("dep-1");
    await t.clock.advance(5_000);
    expect(t.get().estimated_completion).toBe("2025-01-01T12:01:02.000Z");
    expect(t.deployments.status().models[0]?.estimated_completion).toBe("2025-01-01T12:01:02.000Z");
    t.endpoint.answer = { outcome: "healthy" };
    await t.clock.advance(1_000);
    expect(t.get()).toMatchObject({ status: "running", estimated_completion: null });
  });
});
