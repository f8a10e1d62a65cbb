import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { serverProcess } from "../test/server-process.ts";
import { lightClient } from "./light-client.ts";
import { cpuMs, rssMiB } from "./process-usage.ts";
import { median, printTable } from "./table.ts";

/*
 * What the server costs when nobody asks anything of it: CPU and memory, with and without recording, beside an empty
 * Bun process; memory per idle client; and how long a start takes, beside the start of an empty Bun process.
 */

const IDLE_SECONDS = Number(process.env.BENCH_SECONDS ?? 30);
const CLIENTS = 1_000;
const STARTS = 7;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function idle(env: Record<string, string>) {
  await using server = await serverProcess({ env });
  const pid = server.process.pid ?? 0;
  await pause(3_000);
  const before = cpuMs(pid);
  await pause(IDLE_SECONDS * 1000);
  return { cpu: (cpuMs(pid) - before) / (IDLE_SECONDS * 10), rss: rssMiB(pid) };
}

async function emptyBun() {
  const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1e9)"], { stdio: "ignore" });
  await pause(1_000);
  const before = cpuMs(child.pid ?? 0);
  await pause(5_000);
  const usage = { cpu: (cpuMs(child.pid ?? 0) - before) / 50, rss: rssMiB(child.pid ?? 0) };
  child.kill("SIGKILL");
  await once(child, "exit");
  return usage;
}

async function perClient() {
  const env = { ALERTS: "off", HISTORY: "off", SOCKET_HANDSHAKES_PER_SECOND: "100000" };
  await using server = await serverProcess({ env });
  const pid = server.process.pid ?? 0;
  await pause(2_000);
  const before = rssMiB(pid);
  const clients = await Promise.all(Array.from({ length: CLIENTS }, () => lightClient(server.url, () => {})));
  await pause(5_000);
  const grown = rssMiB(pid) - before;
  for (const client of clients) client.close();
  return (grown * 1024) / CLIENTS;
}

async function startMs() {
  const begin = performance.now();
  await using _server = await serverProcess({ env: { ALERTS: "off", HISTORY: "off" } });
  return performance.now() - begin;
}

function emptyStartMs() {
  const begin = performance.now();
  execFileSync(process.execPath, ["-e", ""]);
  return performance.now() - begin;
}

const empty = await emptyBun();
const recording = await idle({ ALERTS: "on", HISTORY: "on" });
const history = await idle({ ALERTS: "off", HISTORY: "on" });
const resting = await idle({ ALERTS: "off", HISTORY: "off" });
const against = (usage: { cpu: number; rss: number }) => [
  `${usage.cpu.toFixed(2)} %`,
  `${usage.rss.toFixed(0)} MiB`,
  (usage.rss / empty.rss).toFixed(1),
];
printTable(`Idle, ${IDLE_SECONDS} s, no clients`, [
  ["", "CPU of a core", "RSS", "RSS / empty"],
  ["empty bun process", ...against(empty)],
  ["server, nothing recording", ...against(resting)],
  ["server, history recording", ...against(history)],
  ["server, history and alerts recording", ...against(recording)],
]);

printTable(`Memory per idle client, ${CLIENTS} clients`, [
  ["", "KiB", "/ 64 KiB"],
  ["websocket client", ...[await perClient()].flatMap((kib) => [kib.toFixed(1), (kib / 64).toFixed(2)])],
]);

const starts: number[] = [];
const empties: number[] = [];
for (let i = 0; i < STARTS; i++) {
  empties.push(emptyStartMs());
  starts.push(await startMs());
}
printTable(`Cold start from source to first answer, median of ${STARTS}`, [
  ["", "ms", "/ empty"],
  ["empty bun process", median(empties).toFixed(0), "1.0"],
  ["server", median(starts).toFixed(0), (median(starts) / median(empties)).toFixed(1)],
]);
