import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createFitCheck } from "../../../src/deployments/fit/fit-check.ts";
import { FakeClock } from "../../fake-clock.ts";
import { tempDir } from "../../temp-dir.ts";
import { llama, writeGguf } from "./gguf-file.ts";
import { machine } from "./machine.ts";

const GiB = 2 ** 30;

/** A check of a model of 4 GiB, which with its cache of 1 GiB and the engine's own needs 5.5 GiB. */
function setup(resources: ReturnType<typeof machine>) {
  const dir = tempDir();
  const uri = join(dir.path, "m.gguf");
  writeGguf(uri, 4 * GiB);
  const check = createFitCheck({ resources, clock: new FakeClock() });
  return {
    look: (contextLength: number | null, gpus: number[] | null = null) =>
      check({ uri, model_source: "local" }, { contextLength, gpus }),
    [Symbol.dispose]: () => dir[Symbol.dispose](),
  };
}

describe("before a start", () => {
  test.each([
    ["room", machine(16, 8), undefined],
    ["not enough that is free", machine(16, 4), false],
    // The engine may do with a shorter context than the model was trained for.
    ["room for it with a shorter context", machine(5, 5), false],
    ["no room for its weights", machine(4, 4), true],
    ["memory that nobody knows", machine(null, null), undefined],
    ["memory that cannot be read", machine(16, 4, [], new Error("no")), undefined],
  ])("a machine with %s", async (_, resources, never) => {
    using t = setup(resources);
    const finding = await t.look(null);
    expect(finding?.never).toBe(never);
    if (never !== undefined) expect(finding?.warning).toMatch(/needs about 5\.5 GiB .* free are \d\.0 GiB of memory$/);
  });

  test("a context that was asked for counts in full", async () => {
    using t = setup(machine(5, 5));
    expect(await t.look(8192)).toMatchObject({ never: true });
    expect(await t.look(2048)).toBeUndefined();
  });

  test("only those GPUs count that it may use", async () => {
    const devices = [
      { id: 0, memory_total_gb: 24, memory_used_gb: 0 },
      { id: 1, memory_total_gb: 24, memory_used_gb: 23 },
    ];
    using t = setup(machine(16, 4, devices));
    expect(await t.look(null)).toBeUndefined();
    expect(await t.look(null, [0])).toBeUndefined();
    expect((await t.look(null, [1]))?.warning).toEndWith("free are 1.0 GiB of GPU memory and 4.0 GiB of memory");
    expect((await t.look(null, []))?.warning).toEndWith("free are 4.0 GiB of memory");
    // Numbered in a way that is not known here.
    expect(await t.look(null, [7])).toBeUndefined();
  });
});

describe("a file", () => {
  const check = createFitCheck({ resources: machine(16, 8), clock: new FakeClock() });
  const look = (uri: string | null) => check({ uri, model_source: "local" }, { contextLength: null, gpus: null });

  test.each([
    ["cut off in its header", "m.gguf", llama.subarray(0, 80), "is not complete"],
    ["cut off, under another name", "blob", llama, "is not complete"],
    ["no GGUF and called so", "M.GGUF", Buffer.from("hello, this is no model"), "not a valid gguf file"],
  ])("that is %s is warned of, and no reason to refuse", async (_, name, content, why) => {
    using dir = tempDir();
    writeFileSync(join(dir.path, name), content);
    const finding = await look(join(dir.path, name));
    expect(finding).toMatchObject({ never: false, warning: expect.stringContaining(why) });
  });

  test("that is not here, of a kind only engines know, or not to be read is left to the engine", async () => {
    using dir = tempDir();
    writeFileSync(join(dir.path, "m.bin"), "ggml of old");
    expect(await look(join(dir.path, "m.bin"))).toBeUndefined();
    expect(await look(join(dir.path, "none.gguf"))).toBeUndefined();
    expect(await look(dir.path)).toBeUndefined();
    expect(await look("/dev/zero")).toBeUndefined();
    expect(await look(`/${"x".repeat(5_000)}`)).toBeUndefined();
    expect(await look("hf://org/name")).toBeUndefined();
    expect(await look(null)).toBeUndefined();
  });

  test("that takes forever to read is waited for no longer than five seconds", async () => {
    const clock = new FakeClock();
    const read = () => new Promise<never>(() => {});
    const finding = createFitCheck({ resources: machine(16, 8), clock, read })(
      { uri: "/m.gguf", model_source: "local" },
      { contextLength: null, gpus: null },
    );
    await clock.advance(5_000);
    expect(await finding).toBeUndefined();
    expect(clock.pending).toBe(0);
  });
});
