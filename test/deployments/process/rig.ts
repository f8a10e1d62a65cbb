import { readdirSync, readFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { systemClock } from "../../../src/clock.ts";
import type { Hooks, Instance, Launch, Target } from "../../../src/deployments/drivers/driver.ts";
import { processDriver } from "../../../src/deployments/drivers/process/process.ts";
import { tempDir } from "../../temp-dir.ts";

const main = fileURLToPath(new URL("../../../src/main.ts", import.meta.url));
const engine = fileURLToPath(new URL("../../fake-engine/engine.ts", import.meta.url));

export const PROGRAM = [process.execPath, main] as const;
/** The fake engine's command line, without its flags. */
export const ENGINE = [process.execPath, engine] as const;

/** A port that is free now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Every process whose environment or command line names this data directory, zombies left out. Linux only. */
export function processesOf(dataDir: string): number[] {
  return readdirSync("/proc")
    .filter((name) => /^[0-9]+$/.test(name))
    .map(Number)
    .filter((pid) => pid !== process.pid && belongsTo(pid, dataDir));
}

function belongsTo(pid: number, dataDir: string): boolean {
  try {
    const of = (name: string) => readFileSync(`/proc/${pid}/${name}`, "latin1");
    if (/^\S+ \(.*\) [ZX] /s.test(of("stat"))) return false;
    return of("environ").includes(dataDir) || of("cmdline").includes(dataDir);
  } catch {
    // It is gone.
    return false;
  }
}

/** Waits until `look` finds something; what it waits for is outside of this process, so it can only look again. */
export async function eventually<T>(
  look: () => T | Promise<T>,
  what: string,
  timeoutMs = 20_000,
): Promise<NonNullable<T>> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== null && found !== false) return found as NonNullable<T>;
    if (performance.now() > deadline) throw new Error(`it did not happen within ${timeoutMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/**
 * The process driver on a data directory of its own, with real shims and engines. Disposing it kills whatever runs there,
 * whichever server started it.
 */
export async function processRig() {
  const dir = tempDir();
  const marked = { DATA_DIR_OF_TEST: dir.path };
  const port = await freePort();
  const target: Target = {
    ...{ deploymentId: "dep-1", modelId: "m", host: "127.0.0.1", port, cpuCores: null, memoryLimit: null },
    ...{ gpus: null, contextLength: null, args: [], env: {}, startedAt: 1_000 },
  };
  const open = () =>
    processDriver({
      runDirectory: join(dir.path, "run"),
      logDirectory: join(dir.path, "logs"),
      program: PROGRAM,
      environment: { PATH: process.env.PATH ?? "", HOME: process.env.HOME ?? "", ...marked },
      executables: { find: (command) => command },
      clock: systemClock,
    });
  const launch = (flags: readonly string[] = [], change: Partial<Launch> = {}): Launch => ({
    ...{ runtime: "fake", host: "127.0.0.1", port, argv: [...ENGINE, "--port", String(port), ...flags] },
    ...{
      env: { PATH: process.env.PATH ?? "", ...marked },
      image: null,
      container: null,
      workingDirectory: null,
      modelPath: null,
    },
    ...{ limits: { cpuCores: null, memoryBytes: null, gpus: null }, stop: { signal: "SIGTERM", graceMs: 10_000 } },
    ...change,
  });
  const hooks: Hooks = { onProgress: () => {} };
  const answers = async () => {
    try {
      return (await fetch(`http://127.0.0.1:${port}/health`, { keepalive: false })).ok;
    } catch {
      return false;
    }
  };
  return {
    dataDir: dir.path,
    port,
    target,
    hooks,
    launch,
    /** A driver as a server has it; another call is another server's. */
    open,
    /** Starts the fake engine and waits until it answers. */
    async started(flags: readonly string[] = [], change: Partial<Launch> = {}): Promise<Instance> {
      const instance = open().start(target, () => launch(flags, change), hooks);
      await eventually(answers, "the engine answers");
      await eventually(() => instance.pid, "its state is known");
      return instance;
    },
    answers,
    processes: () => processesOf(dir.path),
    log: () => {
      const directory = join(dir.path, "logs", "dep-1");
      return readdirSync(directory, { recursive: true, encoding: "utf8" })
        .filter((name) => name.endsWith(".log"))
        .map((name) => readFileSync(join(directory, name), "utf8"))
        .join("");
    },
    async [Symbol.asyncDispose]() {
      await eventually(() => {
        const left = processesOf(dir.path);
        for (const pid of left) process.kill(pid, "SIGKILL");
        return left.length === 0;
      }, "everything is killed");
      dir[Symbol.dispose]();
    },
  };
}
