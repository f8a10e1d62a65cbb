import { describe, expect, test } from "bun:test";
import { chmodSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Recipe } from "../../../src/config/recipe.ts";
import { BLANK, shippedRecipes } from "../../../src/config/shipped-recipes.ts";
import type { Model } from "../../../src/contract/index.ts";
import type { Target } from "../../../src/deployments/drivers/driver.ts";
import { Executables } from "../../../src/deployments/recipes/executables.ts";
import { modelErrors, resolveLaunch } from "../../../src/deployments/recipes/launch.ts";
import { FakeClock } from "../../fake-clock.ts";
import { tempDir } from "../../temp-dir.ts";

const target: Target = {
  deploymentId: "dep-3",
  modelId: "llama2-7b",
  host: "localhost",
  port: 8123,
  cpuCores: null,
  memoryLimit: "1.5GB",
  gpus: null,
  contextLength: null,
  args: [],
  env: {},
  startedAt: 1,
};

function model(uri: string | null, source = "local"): Model {
  return {
    ...{ model_id: "llama2-7b", name: "LLaMA2", model_source: source, uri, description: null, size_bytes: null },
    ...{
      context_length: 4096,
      tags: [],
      created_at: "2025-01-01T12:00:00.000Z",
      updated_at: "2025-01-01T12:00:00.000Z",
    },
  };
}

function shipped(name: string): Recipe {
  const recipe = shippedRecipes.find((each) => each.name === name);
  if (!recipe) throw new Error(`no ${name}`);
  return recipe;
}

const around = { executable: "/opt/engine", environment: { PATH: "/usr/bin", HOME: "/root" } };

describe("a recipe becomes a launch", () => {
  test("llama-server with a file, and what was not asked for is left out", () => {
    const launch = resolveLaunch(shipped("llama-server"), target, model("/models/a.gguf"), around);
    const address = ["--host", "127.0.0.1", "--port", "8123", "--alias", "llama2-7b", "--metrics"];
    expect(launch.argv).toEqual(["/opt/engine", "--model", "/models/a.gguf", ...address]);
    expect(launch.env).toEqual(around.environment);
    expect(launch).toMatchObject({
      ...{ host: "localhost", port: 8123, modelPath: "/models/a.gguf", stop: { signal: "SIGTERM", graceMs: 10_000 } },
      limits: { cpuCores: null, memoryBytes: 1.5 * 2 ** 30, gpus: null },
    });
  });

  test("llama-server with a repository, GPUs, a context and a caller's arguments", () => {
    const asked = { ...target, gpus: [0, 2], contextLength: 8192, args: ["-ngl", "99"], env: { HF_TOKEN: "hf_1" } };
    const launch = resolveLaunch(shipped("llama-server"), asked, model("hf://ggml-org/tiny:Q4_K_M"), around);
    expect(launch.argv.slice(1, 3)).toEqual(["--hf-repo", "ggml-org/tiny:Q4_K_M"]);
    expect(launch.argv.slice(-4)).toEqual(["--ctx-size", "8192", "-ngl", "99"]);
    expect(launch.env).toMatchObject({ CUDA_VISIBLE_DEVICES: "0,2", HIP_VISIBLE_DEVICES: "0,2", HF_TOKEN: "hf_1" });
  });

  test("vllm takes a path or a repository, and one process for each GPU", () => {
    const asked = { ...target, gpus: [0, 1] };
    const { argv } = resolveLaunch(shipped("vllm"), asked, model("Qwen/Qwen3-8B", "huggingface"), around);
    expect(argv.slice(1, 3)).toEqual(["serve", "Qwen/Qwen3-8B"]);
    expect(argv.slice(-2)).toEqual(["--tensor-parallel-size", "2"]);
  });

  test("no GPU at all is not the same as none said", () => {
    const { env, argv } = resolveLaunch(shipped("vllm"), { ...target, gpus: [] }, model("/m"), around);
    expect(env.CUDA_VISIBLE_DEVICES).toBe("");
    expect(argv).not.toContain("--tensor-parallel-size");
  });

  test("an engine that listens everywhere is asked on this machine", () => {
    const launch = resolveLaunch(shipped("ollama"), { ...target, host: "0.0.0.0" }, model(null), around);
    expect(launch).toMatchObject({ host: "127.0.0.1", env: { OLLAMA_HOST: "0.0.0.0:8123" } });
  });

  test("a container gets nothing of this server's environment", () => {
    const recipe: Recipe = {
      ...BLANK,
      name: "c",
      driver: "docker",
      image: "i",
      command: ["serve", "{port}"],
      env: { A: "b" },
    };
    expect(resolveLaunch(recipe, target, model(null), { ...around, executable: undefined })).toMatchObject({
      ...{ argv: ["serve", "8123"], env: { A: "b" }, image: "i" },
    });
  });

  test("a value is one argument whatever it holds, and never becomes an option", () => {
    const recipe: Recipe = { ...BLANK, name: "x", driver: "process", command: ["x", "{model_uri}", '{"json": 1}'] };
    const odd = "a b; $(reboot) `id` \"'{port}";
    expect(resolveLaunch(recipe, target, model(odd), around).argv).toEqual(["/opt/engine", odd, '{"json": 1}']);
    expect(() => resolveLaunch(recipe, target, model("--evil"), around)).toThrow(
      "--evil would be taken for an option.",
    );
  });
});

describe("a model that a recipe cannot load", () => {
  test.each([
    ["llama-server", model(null), "has no uri"],
    ["llama-server", model("https://example.org/a.gguf", "url"), "has the uri https://example.org/a.gguf"],
    ["vllm", model("hf://--evil/name"), "has the uri hf://--evil/name"],
    ["sglang", model("file://elsewhere/a", "local"), "has the uri file://elsewhere/a"],
  ])("%s is refused with what it takes", (name, wrong, message) => {
    const errors = modelErrors(shipped(name), target, wrong);
    expect(errors).toMatchObject([{ field: "model_id", message: expect.stringContaining(message) }]);
  });

  test("a value that must be there is named by its field", () => {
    const recipe: Recipe = { ...BLANK, name: "x", driver: "process", command: ["x", "--gpus", "{gpu}"] };
    expect(modelErrors(recipe, target, model(null))).toEqual([{ field: "gpus", message: "is needed for runtime x" }]);
    expect(modelErrors(recipe, { ...target, gpus: [1] }, model(null))).toEqual([]);
  });
});

test("an executable is looked up on PATH, found after it was installed, and never relative to where we are", async () => {
  using dir = tempDir();
  const clock = new FakeClock();
  const executables = new Executables(clock, { PATH: `relative:/nowhere:${dir.path}` });
  const path = join(dir.path, "engine");
  expect(executables.find("engine")).toBeUndefined();
  writeFileSync(path, "");
  await clock.advance(20_000);
  expect(executables.find("engine")).toBeUndefined();
  chmodSync(path, 0o755);
  expect(executables.find("engine")).toBeUndefined();
  await clock.advance(10_000);
  expect(executables.find("engine")).toBe(path);
  rmSync(path);
  expect(executables.find("engine")).toBe(path);
  await clock.advance(10_000);
  expect(executables.find("engine")).toBeUndefined();
  expect(executables.find("./engine")).toBeUndefined();
  expect(executables.find(dir.path)).toBeUndefined();
});
