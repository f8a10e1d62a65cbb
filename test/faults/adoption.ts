import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ENGINE, eventually, processesOf } from "../deployments/process/rig.ts";
import { must } from "../rest.ts";
import { serverProcess } from "../server-process.ts";
import { tempDir } from "../temp-dir.ts";

/** How long requests flow before the server is killed and after it is up again. */
const FLOW_MS = 1_000;

export interface AdoptionReport {
  readonly adopted: number;
  /** Those that run under another process than before, or whose uptime began anew. */
  readonly changed: readonly string[];
  readonly requests: number;
  readonly failedRequests: number;
  /** From the first answer of the new server until all of them were shown running with their process. */
  readonly adoptionMs: number;
  /** From the start of the new server's process until then. */
  readonly restartMs: number;
}

interface Shown {
  readonly deployment_id: string;
  readonly status: string;
  readonly pid: number | null;
  readonly deployed_at: string | null;
  readonly uptime_seconds: number;
}

/**
 * Kills a server with `count` running deployments while each of them is asked without a pause, and starts it again.
 *
 * @param how which runtime or built program the servers, and with them the shims, run on.
 */
export async function adoption(
  count: number,
  how: Pick<NonNullable<Parameters<typeof serverProcess>[0]>, "runtime" | "program"> = {},
): Promise<AdoptionReport> {
  using dir = tempDir();
  const config = join(dir.path, "llm-manager.toml");
  const command = JSON.stringify([...ENGINE, "--port", "{port}"]);
  const env = `env = { TEST = ${JSON.stringify(dir.path)} }`;
  writeFileSync(config, `[runtimes.fake]\ndriver = "process"\ncommand = ${command}\n${env}\n`);
  const start = () => serverProcess({ ...how, dataDir: join(dir.path, "data"), env: { CONFIG_FILE: config } });
  const all = async (url: string): Promise<Shown[]> => (await must(url, "GET", "/deployments?limit=500")).items;
  const running = async (url: string): Promise<Shown[] | undefined> => {
    const items = await all(url);
    const there = items.length === count && items.every(({ status, pid }) => status === "running" && pid !== null);
    return there ? items : undefined;
  };
  try {
    await using server = await start();
    await must(server.url, "POST", "/models", { model_id: "m", name: "M", model_source: "local" });
    const first = 20_000 + Math.floor(Math.random() * 9_000);
    const ports = Array.from({ length: count }, (_, i) => first + i);
    for (const port of ports) {
      await must(server.url, "POST", "/deployments", { model_id: "m", runtime: "fake", host: "127.0.0.1", port });
    }
    const before = await eventually(() => running(server.url), "all of them run", 60_000);
    const flow = new Flow(ports);
    await sleep(FLOW_MS);
    await server.kill("SIGKILL");
    const killed = performance.now();
    await using next = await start();
    const answered = performance.now();
    const after = await eventually(() => running(next.url), "all of them are adopted", 60_000);
    const adopted = performance.now();
    await sleep(FLOW_MS);
    const { requests, failed } = await flow.end();
    const same = new Map(before.map((shown) => [shown.deployment_id, shown]));
    const changed = after.filter(({ deployment_id: id, pid, deployed_at: since, uptime_seconds: uptime }) => {
      const old = same.get(id);
      return old?.pid !== pid || old.deployed_at !== since || uptime < old.uptime_seconds;
    });
    return {
      adopted: after.length,
      changed: changed.map(({ deployment_id: id }) => id),
      requests,
      failedRequests: failed,
      adoptionMs: Math.round(adopted - answered),
      restartMs: Math.round(adopted - killed),
    };
  } finally {
    await eventually(() => {
      const left = processesOf(dir.path);
      for (const pid of left) process.kill(pid, "SIGKILL");
      return left.length === 0;
    }, "everything is killed");
  }
}

/** Somebody who uses every deployment, one request after the other. */
class Flow {
  requests = 0;
  failed = 0;
  #over = false;
  readonly #users: Promise<void>[];

  constructor(ports: readonly number[]) {
    this.#users = ports.map((port) => this.#use(port));
  }

  async end(): Promise<this> {
    this.#over = true;
    await Promise.all(this.#users);
    return this;
  }

  async #use(port: number): Promise<void> {
    while (!this.#over) {
      this.requests++;
      try {
        const response = await fetch(`http://127.0.0.1:${port}/v1/chat/completions`, { method: "POST", body: "{}" });
        await response.json();
        if (!response.ok) this.failed++;
      } catch {
        this.failed++;
      }
      await sleep(10);
    }
  }
}
