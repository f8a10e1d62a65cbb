import { join } from "node:path";
import type { Recipe } from "../../../src/config/recipe.ts";
import { BLANK } from "../../../src/config/shipped-recipes.ts";
import { dockerDriver } from "../../../src/deployments/drivers/docker/docker.ts";
import type { Ending, Hooks, Instance, Launch, Target } from "../../../src/deployments/drivers/driver.ts";
import { containerOf } from "../../../src/deployments/recipes/container.ts";
import { FakeClock } from "../../fake-clock.ts";
import { tempDir } from "../../temp-dir.ts";
import { FakeContainerEngine } from "./fake-container-engine.ts";

export const recipe: Recipe = { ...BLANK, name: "engine", driver: "docker", image: "engine:1", network: "host" };

export function targetOf(change: Partial<Target> = {}): Target {
  return {
    ...{ deploymentId: "dep-1", modelId: "m", host: "localhost", port: 8000, cpuCores: null, memoryLimit: null },
    ...{ gpus: null, contextLength: null, args: [], env: {}, startedAt: 1_000 },
    ...change,
  };
}

export function launchOf(change: Partial<Launch> = {}, from: Recipe = recipe, target = targetOf()): Launch {
  return {
    ...{ runtime: from.name, host: "localhost", port: 8000, argv: ["serve"], env: { A: "b" }, image: from.image },
    ...{ container: containerOf(from, target, null), workingDirectory: null, modelPath: null },
    ...{ limits: { cpuCores: null, memoryBytes: null, gpus: null }, stop: { signal: "SIGTERM", graceMs: 10_000 } },
    ...change,
  };
}

/** The driver over an Engine by word, on a clock of the test's. */
export function dockerRig() {
  const dir = tempDir();
  const clock = new FakeClock();
  const engine = new FakeContainerEngine();
  const instances: Instance[] = [];
  const open = () => {
    const shutdown = new AbortController();
    const driver = dockerDriver(
      {
        dockerSocket: "/nowhere",
        dataDir: dir.path,
        logDirectory: join(dir.path, "logs"),
        clock,
        signal: shutdown.signal,
      },
      engine,
    );
    return { driver, shutdown };
  };
  let current = open();
  let progress = 0;
  const hooks: Hooks = { onProgress: () => void progress++ };
  const keep = (instance: Instance) => {
    instances.push(instance);
    return instance;
  };
  return {
    engine,
    clock,
    dataDir: dir.path,
    get progress() {
      return progress;
    },
    get driver() {
      return current.driver;
    },
    start: (target = targetOf(), launch: () => Launch = () => launchOf()) =>
      keep(current.driver.start(target, launch, hooks)),
    adopt: (target = targetOf()) => keep(current.driver.adopt(target, hooks)),
    /** As kill -9 and a new server do. */
    async killAndReopen() {
      for (const instance of instances.splice(0)) instance.release();
      current.shutdown.abort();
      await clock.advance(0);
      current = open();
    },
    running: () => [...engine.containers.values()].filter(({ state }) => state === "running"),
    [Symbol.dispose]() {
      for (const instance of instances) instance.release();
      current.shutdown.abort();
      dir[Symbol.dispose]();
    },
  };
}

/** How it ended; undefined when it has not. */
export async function endingOf(instance: Instance): Promise<Ending | undefined> {
  return await Promise.race([instance.ended, Promise.resolve(undefined)]);
}
