import { describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fitOf } from "../../../src/deployments/fit/fit.ts";
import { ModelFileError, readModel } from "../../../src/deployments/fit/model-file.ts";
import { tempDir } from "../../temp-dir.ts";
import { llama } from "./gguf-file.ts";

const GiB = 2 ** 30;

describe("a model's files", () => {
  test("a GGUF file says how big its cache is", async () => {
    using dir = tempDir();
    const path = join(dir.path, "m.gguf");
    writeFileSync(path, Buffer.concat([llama, Buffer.alloc(2_000)]));
    expect(await readModel(path)).toEqual({
      weightsBytes: llama.length + 2_000,
      shape: { layers: 32, cacheWidth: 32 * 8 * 256, contextLength: 8192 },
    });
  });

  test("of a split one all parts count, and a missing one is named", async () => {
    using dir = tempDir();
    const first = join(dir.path, "m-00001-of-00002.gguf");
    writeFileSync(first, Buffer.concat([llama, Buffer.alloc(2_000)]));
    expect(readModel(first)).rejects.toThrow("m-00002-of-00002.gguf is missing");
    writeFileSync(join(dir.path, "m-00002-of-00002.gguf"), Buffer.alloc(5_000));
    expect((await readModel(first)).weightsBytes).toBe(llama.length + 7_000);
  });

  test.each([
    ["cut off in its header", llama.subarray(0, 80), "is not complete"],
    ["cut off before its tensors", llama, "is not complete"],
    ["of another kind", Buffer.from("hello, this is no model"), "not a valid gguf file"],
    ["empty", Buffer.alloc(0), "not a valid gguf file"],
  ])("one that is %s is refused", async (_, content, why) => {
    using dir = tempDir();
    const path = join(dir.path, "m.gguf");
    writeFileSync(path, content);
    const error = await readModel(path).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(ModelFileError);
    expect(String(error)).toContain(why);
  });

  test("safetensors count with their config, and without one by their size", async () => {
    using dir = tempDir();
    expect(readModel(join(dir.path, "none"))).rejects.toThrow("there is no");
    expect(readModel("/dev/null")).rejects.toThrow("/dev/null is no file");
    expect(readModel(dir.path)).rejects.toThrow("holds no *.safetensors");
    mkdirSync(join(dir.path, "m"));
    for (const name of ["model-1.safetensors", "model-2.safetensors"])
      writeFileSync(join(dir.path, "m", name), Buffer.alloc(1_000));
    expect(await readModel(join(dir.path, "m"))).toEqual({ weightsBytes: 2_000, shape: null });
    const config = { num_hidden_layers: 2, num_attention_heads: 4, num_key_value_heads: 1, hidden_size: 64 };
    writeFileSync(join(dir.path, "m", "config.json"), JSON.stringify(config));
    expect((await readModel(join(dir.path, "m"))).shape).toEqual({ layers: 2, cacheWidth: 64, contextLength: null });
  });
});

describe("the estimate", () => {
  const facts = { weightsBytes: 4 * GiB, shape: { layers: 32, cacheWidth: 32 * 8 * 256, contextLength: 8192 } };
  const memory = (total_gb: number | null, available_gb: number | null) => ({ total_gb, available_gb });
  const device = (total: number | null, used: number | null) => ({ memory_total_gb: total, memory_used_gb: used });
  // Only these fields of a reading are looked at.
  const of = (ram: object, ...devices: object[]) => fitOf(facts, null, { memory: ram, gpu: { devices } } as never);

  test("counts weights, cache and what an engine takes besides", () => {
    expect(of(memory(64, 32))).toMatchObject({ kv_cache_bytes: GiB, needed_bytes: 5.5 * GiB, context_length: 8192 });
    expect(fitOf(facts, 1024, { memory: memory(64, 32), gpu: { devices: [] } } as never).kv_cache_bytes).toBe(GiB / 8);
  });

  test.each([
    ["fits_gpu", memory(16, 1), [device(24, 4)]],
    ["fits_partly_gpu", memory(16, 4), [device(8, 4)]],
    ["fits_memory", memory(16, 8), []],
    ["not_free", memory(16, 4), []],
    ["not_free", memory(3, 3), [device(8, 7.5)]],
    ["never", memory(4, 4), []],
    // What is not known is not held against it.
    ["not_free", memory(4, 4), [device(null, null)]],
    ["not_free", memory(null, null), []],
  ] as const)("%s with %j and %j", (verdict, ram, devices) => {
    const fit = of(ram, ...devices);
    expect(fit.verdict).toBe(verdict);
    expect(fit.message).toContain("needs about 5.5 GiB with a context of 8192 tokens");
  });
});
