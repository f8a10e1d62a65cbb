import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { listLog } from "../../src/deployments/logs/files.ts";
import type { Engine } from "../docker/engine.ts";
import { must } from "../rest.ts";
import { type ServerProcess, serverProcess } from "../server-process.ts";
import type { Payload } from "../socket-client.ts";
import { tempDir } from "../temp-dir.ts";
import { BOX } from "./box-image.ts";

/** For a change to be seen; containers take a while to start and stop on a busy machine. */
const WAIT_MS = 60_000;
const POLL_MS = 50;

/** A server whose runtimes `box` and those in `tables` run containers of `engine`; it can be killed and started again. */
export interface Rig extends AsyncDisposable {
  readonly dataDir: string;
  server: ServerProcess;
  get(id: string): Promise<Payload>;
  /** Deploys on a free port of this machine's network. */
  deploy(
    args?: readonly string[],
    more?: Record<string, unknown>,
  ): Promise<{ readonly id: string; readonly port: number }>;
  command(id: string, verb: "start" | "stop" | "restart"): Promise<Payload>;
  /** Resolves with the deployment once it fits. */
  until(id: string, fits: (deployment: Payload) => boolean): Promise<Payload>;
  killServer(): Promise<void>;
  startServer(): Promise<void>;
  /** The lines of its log, of the last start. */
  logOf(id: string): readonly string[];
  /** Every container that bears a mark of ours, whatever its state. */
  containers(): readonly string[];
}

export async function startRig(
  engine: Engine,
  options: {
    readonly tables?: string;
    readonly program?: readonly [string, ...string[]];
    readonly runtime?: "bun" | "deno";
  } = {},
): Promise<Rig> {
  const dir = tempDir();
  const config = join(dir.path, "config.toml");
  writeFileSync(
    config,
    `[runtimes.${BOX}]
driver = "docker"
image = "${BOX}"
entrypoint = ["/engine"]
command = ["{host}", "{port}"]
network = "host"
allowed_args = ["*"]
health_path = "/health"
stop_grace_seconds = 2
restart_policy = "never"
${options.tables ?? ""}`,
  );
  const { program, runtime } = options;
  const start = () =>
    serverProcess({
      dataDir: dir.path,
      env: { DOCKER_HOST: `unix://${engine.socket}`, CONFIG_FILE: config, ALERTS: "off" },
      ...(program && { program }),
      ...(runtime && { runtime }),
    });
  const rig: Rig = {
    dataDir: dir.path,
    server: await start(),
    get: (id) => must(rig.server.url, "GET", `/deployments/${id}`),
    async deploy(args = [], more = {}) {
      const port = await freePort();
      const body = { model_id: "m", runtime: BOX, port, args, health: { interval_seconds: 1 }, ...more };
      const { deployment_id: id } = await must(rig.server.url, "POST", "/deployments", body);
      return { id, port };
    },
    command: (id, verb) => must(rig.server.url, "POST", `/deployments/${id}/${verb}`),
    async until(id, fits) {
      const end = performance.now() + WAIT_MS;
      for (;;) {
        const deployment = await rig.get(id);
        if (fits(deployment)) return deployment;
        if (performance.now() > end) {
          throw new Error(`${id} did not come to fit ${fits}: ${JSON.stringify(deployment)}\n${rig.server.output()}`);
        }
        await Bun.sleep(POLL_MS);
      }
    },
    async killServer() {
      await rig.server.kill("SIGKILL");
    },
    async startServer() {
      rig.server = await start();
    },
    logOf(id) {
      const files = listLog(join(dir.path, "logs", id));
      const last = files.filter(({ start }) => start === files.at(-1)?.start);
      return last.flatMap(({ path }) => readFileSync(path, "utf8").split("\n").filter(Boolean));
    },
    containers: () =>
      engine
        .docker("ps", "--all", "--quiet", "--no-trunc", "--filter", "label=llm-manager.data-dir")
        .split("\n")
        .filter(Boolean),
    async [Symbol.asyncDispose]() {
      await rig.server[Symbol.asyncDispose]();
      const left = rig.containers();
      if (left.length > 0) engine.docker("rm", "--force", ...left);
      dir[Symbol.dispose]();
    },
  };
  await must(rig.server.url, "POST", "/models", { model_id: "m", name: "M", model_source: "local" });
  return rig;
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("there is no port");
  return address.port;
}

/** It answers, and the server has found its container, which after a restart of the server is not the same. */
export const running = ({ status, health_status: health, container_id: container }: Payload) =>
  status === "running" && health === "healthy" && container !== null;
export const failed = (deployment: Payload) => deployment.status === "failed";
export const stopped = (deployment: Payload) => deployment.status === "stopped";
