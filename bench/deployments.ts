import { spawn } from "node:child_process";
import { once } from "node:events";
import { startEngine } from "../test/fake-engine/start.ts";
import { serverProcess } from "../test/server-process.ts";
import { tempDir } from "../test/temp-dir.ts";
import { cpuMs } from "./process-usage.ts";
import { printTable } from "./table.ts";

/*
 * What 200 deployments cost one server when nobody looks: CPU for their health checks, alone and with metrics and the
 * recording of both, beside the same requests made with `fetch` and nothing else; and CPU to start them and to take them
 * up again after a kill. All of them are one engine process of test/fake-engine, whose CPU is not counted. Linux.
 */

const DEPLOYMENTS = 200;
const INTERVAL_SECONDS = 5;
const SECONDS = process.argv.includes("--quick") ? 10 : Number(process.env.BENCH_SECONDS ?? 30);
/** Per deployment, of a core: 200 of them must leave 95 % of one core to the engines. */
const LIMIT_PERCENT = 0.025;
/** Milliseconds of CPU for one start or one adoption: a restarted server has to have 20 deployments back within a second. */
const LIMIT_STEP_MS = 50;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** CPU a second, in percent of a core, of process `pid` over the measured time. */
async function load(pid: number): Promise<number> {
  const before = cpuMs(pid);
  await pause(SECONDS * 1000);
  return (cpuMs(pid) - before) / (SECONDS * 10);
}

interface Served {
  readonly url: string;
}

async function post(server: Served, path: string, body: unknown): Promise<void> {
  const init = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
  const response = await fetch(`${server.url}/api/v1${path}`, init);
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
}

async function running(server: Served): Promise<number> {
  const response = await fetch(`${server.url}/api/v1/model-status`);
  const { data } = (await response.json()) as { data: { models: { status: string; health_status: string }[] } };
  return data.models.filter((one) => one.status === "running" && one.health_status === "healthy").length;
}

async function allRunning(server: Served): Promise<void> {
  while ((await running(server)) < DEPLOYMENTS) await pause(100);
}

/** What one way to watch costs: percent of a core, and milliseconds of CPU for each start and each adoption. */
interface Cost {
  readonly idle: number;
  readonly busy: number;
  readonly startMs: number;
  readonly adoptMs: number;
}

async function measure(port: number, metrics: boolean, history: boolean): Promise<Cost> {
  const env = { ALERTS: "on", HISTORY: history ? "on" : "off" };
  using dir = tempDir();
  const served = () => serverProcess({ env, dataDir: dir.path });
  await using first = await served();
  const pid = first.process.pid ?? 0;
  await pause(2_000);
  const idle = await load(pid);
  await post(first, "/models", { model_id: "m", name: "M", model_source: "local" });
  const health = { path: "/health", interval_seconds: INTERVAL_SECONDS, metrics_path: metrics ? "/metrics" : null };
  const before = cpuMs(pid);
  for (let i = 0; i < DEPLOYMENTS; i++) {
    await post(first, "/deployments", { model_id: "m", runtime: "external", host: "127.0.0.1", port, health });
  }
  await allRunning(first);
  const startMs = (cpuMs(pid) - before) / DEPLOYMENTS;
  await pause(INTERVAL_SECONDS * 1000);
  const busy = await load(pid);
  await first.kill("SIGKILL");
  await using second = await served();
  const began = cpuMs(second.process.pid ?? 0);
  await allRunning(second);
  return { idle, busy, startMs, adoptMs: (cpuMs(second.process.pid ?? 0) - began) / DEPLOYMENTS };
}

/** The same requests, made by a program that does nothing else. */
async function bare(port: number, paths: readonly string[]): Promise<number> {
  const program = `
    const urls = ${JSON.stringify(paths.map((path) => `http://127.0.0.1:${port}${path}`))};
    setInterval(async () => {
      for (const url of urls) await (await fetch(url, { keepalive: false, headers: { connection: "close" } })).text();
    }, ${(INTERVAL_SECONDS * 1000) / DEPLOYMENTS});`;
  const child = spawn(process.execPath, ["-e", program], { stdio: "ignore" });
  await pause(2_000);
  const percent = await load(child.pid ?? 0);
  child.kill("SIGKILL");
  await once(child, "exit");
  return percent;
}

await using engine = await startEngine("--mode", "llama");
const ways = [
  { name: "health checks", metrics: false, history: false, paths: ["/health"] },
  { name: "and metrics", metrics: true, history: false, paths: ["/health", "/metrics"] },
  { name: "and both recorded", metrics: true, history: true, paths: ["/health", "/metrics"] },
];
const rows: string[][] = [];
const steps: string[][] = [];
let kept = true;
for (const { name, metrics, history, paths } of ways) {
  const cost = await measure(engine.port, metrics, history);
  const floor = await bare(engine.port, paths);
  const ours = Math.max(0, cost.busy - cost.idle);
  const each = ours / DEPLOYMENTS;
  kept &&= each <= LIMIT_PERCENT && cost.startMs <= LIMIT_STEP_MS && cost.adoptMs <= LIMIT_STEP_MS;
  const percent = (value: number, digits = 2) => `${value.toFixed(digits)} %`;
  const ratio = (value: number, limit: number) => `${(value / limit).toFixed(2)} ×`;
  rows.push([name, percent(ours), percent(each, 4), ratio(each, LIMIT_PERCENT), percent(floor), ratio(ours, floor)]);
  const ms = (value: number) => [`${value.toFixed(2)} ms`, ratio(value, LIMIT_STEP_MS)];
  steps.push([name, ...ms(cost.startMs), ...ms(cost.adoptMs)]);
}
printTable(
  `${DEPLOYMENTS} deployments, one check every ${INTERVAL_SECONDS} s each: CPU over an idle server, of a core`,
  [["", "all", "each", `of ${LIMIT_PERCENT} %`, "bare fetch", "ours ÷ bare"], ...rows],
);
printTable("CPU to bring each up, its requests included, and to take it up again after a kill -9", [
  ["", "start", `of ${LIMIT_STEP_MS} ms`, "adopt", `of ${LIMIT_STEP_MS} ms`],
  ...steps,
]);
console.log(`\n  Limits: ${kept ? "kept" : "MISSED"}.`);
process.exitCode = kept ? 0 : 1;
