import { describe, expect, test } from "bun:test";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { leaks } from "../../src/deployments/release.ts";
import { nvidiaProcesses, processMemory } from "../../src/resources/collectors/nvidia-processes.ts";
import type { DeploymentLeak } from "../../src/store/bus.ts";
import { FakeClock } from "../fake-clock.ts";
import { tempDir } from "../temp-dir.ts";
import { tempStore } from "../temp-store.ts";
import { open } from "./setup.ts";

const MIB = 1024 * 1024;
const held = { host: "localhost", port: 8_000, pids: [7, 8] };

describe("what a run had", () => {
  const world = () => {
    const clock = new FakeClock();
    const state = { listener: undefined as string | undefined, memory: new Map<number, number>(), goOn: true };
    const parts = { clock, listener: async () => state.listener, gpuMemory: async () => state.memory };
    const found = leaks(held, parts, () => state.goOn);
    return { clock, state, found };
  };

  test("is free at once, and nothing waits", async () => {
    const { clock, found } = world();
    expect(await found).toEqual([]);
    expect(clock.pending).toBe(0);
  });

  test("may take ten seconds to be free", async () => {
    const clock = new FakeClock();
    let listener: string | undefined = "python3 (process 7)";
    const parts = { clock, listener: async () => listener, gpuMemory: async () => new Map() };
    const found = leaks(held, parts, () => true);
    await clock.advance(9_000);
    listener = undefined;
    await clock.advance(1_000);
    expect(await found).toEqual([]);
  });

  test("and is still held after that is told, by process", async () => {
    const clock = new FakeClock();
    const memory = new Map([
      [8, 512 * MIB],
      [9, 4_096 * MIB],
    ]);
    const parts = { clock, listener: async () => "python3 (process 7)", gpuMemory: async () => memory };
    const found = leaks(held, parts, () => true);
    await clock.advance(10_000);
    expect(await found).toEqual([
      "port 8000 is still held by python3 (process 7)",
      "512 MiB of GPU memory are still held by process 8",
    ]);
  });

  test("need not be known any more once it is started again", async () => {
    const clock = new FakeClock();
    let goOn = true;
    const parts = { clock, listener: async () => "itself", gpuMemory: async () => new Map() };
    const found = leaks(held, parts, () => goOn);
    await clock.advance(5_000);
    goOn = false;
    await clock.advance(5_000);
    expect(await found).toEqual([]);
    expect(clock.pending).toBe(0);
  });
});

describe("a deployment that is stopped", () => {
  async function setup() {
    const temp = tempStore();
    const room = open(temp.store);
    room.addModel();
    room.fake.stopped.resolve();
    room.fake.pid = 2 ** 22 + 7;
    const told: DeploymentLeak[] = [];
    room.store.bus.on("deployment_leak", (event) => told.push(event));
    room.deploy({ runtime: "fake" });
    await room.clock.advance(0);
    return {
      ...room,
      told,
      async [Symbol.asyncDispose]() {
        await room.deployments[Symbol.asyncDispose]();
        expect(room.errors).toEqual([]);
        temp[Symbol.dispose]();
      },
    };
  }

  test("and leaves something behind is stopped, with a warning that says what", async () => {
    await using t = await setup();
    t.listeners.set(20_000, "python3 (process 9)");
    t.gpuMemory.set(2 ** 22 + 7, 15_221 * MIB);
    await t.deployments.stop("dep-1");
    await t.clock.advance(0);
    expect(t.deployments.get("dep-1").status).toBe("stopped");
    await t.clock.advance(10_000);
    const found = [
      "port 20000 is still held by python3 (process 9)",
      "15221 MiB of GPU memory are still held by process 4194311",
    ];
    expect(t.told).toEqual([{ deploymentId: "dep-1", modelId: "llama2-7b", name: "LLaMA2 Chat", found }]);
    const [warning] = t.activities.list({ limit: 1, severity: "warning" }).items;
    expect(warning).toMatchObject({
      message: `Model LLaMA2 Chat is stopped, but ${found.join("; ")}`,
      resource_id: "dep-1",
      extra_data: { leaks: found },
    });
  });

  test("and gives everything back says nothing", async () => {
    await using t = await setup();
    await t.deployments.stop("dep-1");
    await t.clock.advance(60_000);
    expect(t.told).toEqual([]);
    expect(t.clock.pending).toBe(0);
  });

  test("and started again meanwhile has its port with good reason", async () => {
    await using t = await setup();
    t.listeners.set(20_000, "what was there before");
    await t.deployments.stop("dep-1");
    await t.clock.advance(3_000);
    t.listeners.clear();
    await t.deployments.start("dep-1");
    await t.clock.advance(0);
    t.listeners.set(20_000, "itself");
    await t.clock.advance(60_000);
    expect(t.told).toEqual([]);
  });
});

describe("GPU memory by process", () => {
  test("is added up over devices; what is not known is left out", () => {
    const output = "1234, 15221\n1234, 100\n77, [N/A]\n\nNo running processes found\n88, 0\n";
    expect([...processMemory(output)]).toEqual([
      [1_234, 15_321 * MIB],
      [88, 0],
    ]);
  });

  test("comes from nvidia-smi, and is empty where there is none, or where it fails", async () => {
    using dir = tempDir();
    const program = join(dir.path, "nvidia-smi");
    writeFileSync(program, '#!/bin/sh\n[ "$1" = --query-compute-apps=pid,used_gpu_memory ] && echo "12, 34"\n');
    chmodSync(program, 0o755);
    expect([...(await nvidiaProcesses(program))]).toEqual([[12, 34 * MIB]]);
    expect((await nvidiaProcesses(join(dir.path, "none"))).size).toBe(0);
    writeFileSync(program, '#!/bin/sh\necho "12, 34"; exit 9\n');
    expect((await nvidiaProcesses(program)).size).toBe(0);
  });
});
