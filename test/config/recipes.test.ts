import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { inheritedEnvironment } from "../../src/config/inherited-environment.ts";
import { ConfigError, loadConfig } from "../../src/config.ts";
import { tempDir } from "../temp-dir.ts";

/** The recipes of a config file with this content, by name. */
function recipes(content: string) {
  using dir = tempDir();
  const file = join(dir.path, "llm-manager.toml");
  writeFileSync(file, content);
  return Object.fromEntries(loadConfig({ CONFIG_FILE: file }).recipes.map((recipe) => [recipe.name, recipe]));
}

/** What the start stops with, without the file's name. */
function refusal(content: string): string {
  try {
    recipes(content);
  } catch (error) {
    if (error instanceof ConfigError) return error.message.replace(/^\S+: /, "");
    throw error;
  }
  return "nothing";
}

describe("[runtimes.NAME] of the config file", () => {
  test("without any, there are those that are shipped", () => {
    expect(loadConfig({}).recipes.map(({ name, driver }) => `${name} ${driver}`)).toEqual([
      "llama-server process",
      "vllm process",
      "sglang process",
      "ollama process",
      "external external",
      "process process",
      "docker docker",
    ]);
  });

  test("changes a shipped recipe key by key, and leaves the others", () => {
    const found = recipes(`
port = 5001
[runtimes.llama-server]
command = ["/opt/llama/llama-server", ["--model", "{model_path}"], "--port", "{port}"]
stop_grace_seconds = 30`);
    expect(found["llama-server"]).toMatchObject({ driver: "process", stop_grace_seconds: 30, health_path: "/health" });
    expect(found["llama-server"]?.command[0]).toBe("/opt/llama/llama-server");
    expect(found.vllm).toEqual(recipes("").vllm);
  });

  test("a new one starts from another, which may be one above, or from nothing", () => {
    const found = recipes(`
[runtimes.tiny]
extends = "llama-server"
env = { OMP_NUM_THREADS = "2" }
[runtimes.tiniest]
extends = "tiny"
description = "one thread"
[runtimes.mine]
driver = "process"
command = ["mine", "--port={port}"]`);
    expect(found.tiniest).toMatchObject({ name: "tiniest", engine: "llama.cpp", env: { OMP_NUM_THREADS: "2" } });
    expect(found.mine).toMatchObject({ engine: "other", allowed_args: [], stop_signal: "SIGTERM" });
  });

  const wrong = [
    [
      "[runtimes.x]\nextends = 'vllm'\ncomand = ['a']",
      /^runtimes\.x\.comand is not known; a runtime has extends, driver, /,
    ],
    ["[runtimes.x]\ncommand = ['a']", "runtimes.x is new, so it needs a driver (process, docker, external) or extends"],
    ["[runtimes.x]\nextends = 'vlm'", /^runtimes\.x\.extends names vlm, but it must be one of llama-server, vllm, /],
    ["[runtimes.x]\ndriver = 'podman'", "runtimes.x.driver must be process, docker, external"],
    ["[runtimes.x]\ndriver = 'process'\ncommand = 'a b'", /^runtimes\.x\.command is wrong: .*array/],
    [
      "[runtimes.x]\ndriver = 'process'\ncommand = ['a', '{modl}']",
      /^runtimes\.x\.command must not have \{modl\}; the placeholders are model_id, /,
    ],
    [
      "[runtimes.x]\ndriver = 'process'\ncommand = ['{model_path}']",
      /must begin with the executable, without placeholders$/,
    ],
    ["[runtimes.x]\ndriver = 'process'\ncommand = [['a']]", /must begin with the executable, not with a group$/],
    ["[runtimes.x]\ndriver = 'process'\nstop_signal = 'SIGKILL'", /^runtimes\.x\.stop_signal must be SIGTERM, /],
    ["[runtimes.x]\ndriver = 'process'\nstop_grace_seconds = -1", "runtimes.x.stop_grace_seconds must be 0 to 3600"],
    ["[runtimes.x]\ndriver = 'process'\nallowed_args = ['rm -rf']", /^runtimes\.x\.allowed_args\.0 must look like /],
    ["[runtimes.X]\ndriver = 'process'", /^runtimes\.X is not a name for a runtime: /],
    ["runtimes = 3", "runtimes must hold tables such as [runtimes.llama-server]"],
    ["[runtimes.x]\ndriver = 'process'\nhealth_path = 'health'", "runtimes.x.health_path must begin with /"],
    ["[runtimes.x]\ndriver = 'process'\nenv = { 'A B' = '1' }", /^runtimes\.x\.env\.A B /],
  ] as const;
  test.each(wrong)("%j is refused in one line that names it", (content, message) => {
    const said = refusal(content);
    if (typeof message === "string") expect(said).toBe(message);
    else expect(said).toMatch(message);
    expect(said).not.toContain("\n");
  });
});

test("an engine inherits where things are, and no secret of this server", () => {
  const inherited = inheritedEnvironment({
    PATH: "/usr/bin",
    CUDA_HOME: "/opt/cuda",
    HF_TOKEN: "hf_1",
    LC_ALL: "C.UTF-8",
    https_proxy: "http://proxy",
    AUTH_TOKEN: "secret-secret-secret",
    LLM_MANAGER_TOKEN: "secret",
    DATA_DIR: "/data",
    LD_PRELOAD: "/tmp/evil.so",
    PYTHONSTARTUP: "/tmp/evil.py",
    NODE_OPTIONS: "--require /tmp/evil.js",
    AWS_SECRET_ACCESS_KEY: "secret",
    GONE: undefined,
  });
  expect(Object.keys(inherited)).toEqual(["PATH", "CUDA_HOME", "HF_TOKEN", "LC_ALL", "https_proxy"]);
});
