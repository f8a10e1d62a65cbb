import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { parse } from "smol-toml";
import { recipesOf } from "../../../src/config/recipes.ts";
import { containerOptions } from "../../../src/deployments/drivers/docker/container-options.ts";
import type { Target } from "../../../src/deployments/drivers/driver.ts";
import { modelInContainer } from "../../../src/deployments/recipes/container.ts";
import { resolveLaunch } from "../../../src/deployments/recipes/launch.ts";
import { targetOf } from "./rig.ts";

/** What the Engine is asked for with a table of the config file. */
function optionsOf(table: Record<string, unknown>, target: Target = targetOf(), uri = "/models/a.gguf") {
  const recipes = recipesOf({ mine: { driver: "docker", image: "engine:1", ...table } });
  if (typeof recipes === "string") throw new Error(recipes);
  const recipe = recipes.find(({ name }) => name === "mine");
  if (!recipe) throw new Error("no recipe");
  const model = {
    ...{ model_id: "m", name: "M", model_source: "local", uri, description: null, size_bytes: null, tags: [] },
    ...{ context_length: null, created_at: "2025-01-01T12:00:00.000Z", updated_at: "2025-01-01T12:00:00.000Z" },
  };
  const launch = resolveLaunch(recipe, target, model, { executable: undefined, environment: { PATH: "/bin" } });
  const { image, container } = launch;
  if (image === null || container === null) throw new Error("no container");
  return containerOptions({ ...launch, image, container }, { mark: "ours" });
}

describe("what a container is made of", () => {
  test("it runs what the recipe says, is marked, is bounded in its log, and starts only when told", () => {
    const env = { OWN: "{model_id}" };
    const options = optionsOf({ command: ["--port", "{port}", ["--ctx", "{context_length}"]], env, user: "1000:1000" });
    expect(options).toMatchObject({
      ...{ Image: "engine:1", Cmd: ["--port", "8000"], Env: ["OWN=m"], Labels: { mark: "ours" }, User: "1000:1000" },
      ...{ StopSignal: "SIGTERM", StopTimeout: 10 },
      HostConfig: {
        RestartPolicy: { Name: "no" },
        LogConfig: { Type: "json-file", Config: { "max-size": "20m", "max-file": "3" } },
        SecurityOpt: ["no-new-privileges"],
      },
    });
    expect(options).not.toHaveProperty("Entrypoint");
  });

  test("published, it listens everywhere inside and is reached only where it is to be", () => {
    const options = optionsOf({ command: ["--host", "{host}", "--port", "{port}"], container_port: 8080 });
    expect(options.Cmd).toEqual(["--host", "0.0.0.0", "--port", "8080"]);
    expect(options.HostConfig).toMatchObject({
      NetworkMode: "bridge",
      PortBindings: { "8080/tcp": [{ HostIp: "127.0.0.1", HostPort: "8000" }] },
    });
    const everywhere = optionsOf({}, targetOf({ host: "0.0.0.0" }));
    expect(everywhere.HostConfig?.PortBindings).toEqual({ "8000/tcp": [{ HostIp: "0.0.0.0", HostPort: "8000" }] });
  });

  test("on this machine's network it listens where it is to be reached", () => {
    const options = optionsOf({
      command: ["--host", "{host}", "--port", "{port}"],
      network: "host",
      container_port: 1,
    });
    expect(options.Cmd).toEqual(["--host", "127.0.0.1", "--port", "8000"]);
    expect(options.HostConfig?.NetworkMode).toBe("host");
    expect(options.HostConfig).not.toHaveProperty("PortBindings");
  });

  test("limits are hard: no swap beyond the memory", () => {
    const { HostConfig } = optionsOf({ shm_size: "8GB" }, targetOf({ cpuCores: 1.5, memoryLimit: "2GB" }));
    expect(HostConfig).toMatchObject({
      ...{ NanoCpus: 1_500_000_000, Memory: 2 ** 31, MemorySwap: 2 ** 31, ShmSize: 2 ** 33 },
    });
  });

  test.each([
    ["none asked for", {}, null, undefined],
    ["all, where the recipe says so", { all_gpus: true }, null, [{ Count: -1, Capabilities: [["gpu"]] }]],
    ["those asked for", { all_gpus: true }, [0, 2], [{ DeviceIDs: ["0", "2"], Capabilities: [["gpu"]] }]],
    ["CPU only", { all_gpus: true }, [], undefined],
    ["other vendors' are devices", { devices: ["/dev/kfd"] }, [1], undefined],
  ])("GPUs: %s", (_, table, gpus, requests) => {
    expect(optionsOf(table, targetOf({ gpus })).HostConfig?.DeviceRequests).toEqual(requests);
  });

  test("NVIDIA's devices are counted from 0 inside, others are not", () => {
    const env = { VISIBLE: "{gpu}" };
    expect(optionsOf({ env }, targetOf({ gpus: [2, 3] })).Env).toEqual(["VISIBLE=0,1"]);
    expect(optionsOf({ env, devices: ["/dev/kfd"] }, targetOf({ gpus: [2, 3] })).Env).toEqual(["VISIBLE=2,3"]);
  });

  test("an empty entrypoint takes the image's away", () => {
    expect(optionsOf({ entrypoint: [] }).Entrypoint).toEqual([""]);
    expect(optionsOf({ entrypoint: ["/bin/sh", "-c"] }).Entrypoint).toEqual(["/bin/sh", "-c"]);
  });

  test("the model is mounted read-only, and the command is told where", () => {
    const options = optionsOf({ command: [["--model", "{model_path}"]] });
    expect(options.Cmd).toEqual(["--model", "/llm-manager/model/a.gguf"]);
    expect(options.HostConfig?.Mounts).toEqual([
      { Type: "bind", Source: "/models/a.gguf", Target: "/llm-manager/model/a.gguf", ReadOnly: true },
    ]);
  });
});

describe("a model in a container", () => {
  test.each([
    ["/m/a.gguf", "/llm-manager/model/a.gguf", "/m/a.gguf"],
    ["/m/big-00001-of-00003.gguf", "/llm-manager/model/m/big-00001-of-00003.gguf", "/m"],
    ["/m/qwen", "/llm-manager/model/qwen", "/m/qwen"],
    ["/c/models--o--n/snapshots/abc", "/llm-manager/model/models--o--n/snapshots/abc", "/c/models--o--n"],
    ["/c/models--o--n/snapshots/abc/x.gguf", "/llm-manager/model/models--o--n/snapshots/abc/x.gguf", "/c/models--o--n"],
  ])("%s is found at %s", (path, inside, source) => {
    const found = modelInContainer(path, []);
    expect(found.path).toBe(inside);
    expect(found.mount?.source).toBe(source);
  });

  test("below a mount of the recipe nothing is mounted, and a name that only begins alike is not below it", () => {
    const mounts = [{ source: "/srv/models", target: "/models", read_only: true }];
    expect(modelInContainer("/srv/models/a/b.gguf", mounts)).toEqual({ path: "/models/a/b.gguf", mount: null });
    expect(modelInContainer("/srv/models-old/b.gguf", mounts).mount).not.toBeNull();
  });

  test("whatever it is called, it is below its mount, and its mount contains it", () => {
    const part = fc.stringMatching(/^[A-Za-z0-9_.-]{1,12}$/).filter((text) => text !== "." && text !== "..");
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 6 }), (parts) => {
        const path = `/${parts.join("/")}`;
        const { path: inside, mount } = modelInContainer(path, []);
        if (!mount) throw new Error("no mount");
        expect(`${mount.source}${inside.slice(mount.target.length)}`).toBe(path);
        expect(mount.target.startsWith("/llm-manager/model/")).toBe(true);
      }),
    );
  });
});

test("the documented runtimes are what the config file takes", () => {
  const text = readFileSync(join(import.meta.dir, "../../../docs/docker.md"), "utf8");
  const [, toml = ""] = /```toml\n([\s\S]*?)```/.exec(text) ?? [];
  const recipes = recipesOf(parse(toml).runtimes);
  expect(Array.isArray(recipes) ? recipes.map(({ name }) => name) : recipes).toContain("vllm-docker");
});
