import { spawn } from "node:child_process";
import { createWriteStream, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { systemClock as clock } from "../src/clock.ts";
import { readLog } from "../src/deployments/logs/reader.ts";
import { LogWriter } from "../src/deployments/logs/writer.ts";
import { median, printTable } from "./table.ts";

/*
 * What it costs to keep the log of an engine that writes without end: CPU of this process and its memory, beside copying
 * the same bytes into a plain file, which is the least that anybody can do.
 */

const quick = process.argv.includes("--quick");
const MEGABYTES = quick ? 64 : 1024;
const ROUNDS = quick ? 1 : 3;
/** As long as what llama-server writes of a request. */
const LINE = "slot launch_slot_: id  0 | task 17 | processing task, is_child = 0, n_prompt_tokens = 512, cache = 0.93";

interface Cost {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly rssGrowth: number;
  readonly kept: number;
}

/** An engine that writes as fast as it is read. */
function engine() {
  const lines = Math.round((MEGABYTES * 2 ** 20) / (LINE.length + 1));
  const child = spawn("sh", ["-c", `yes "${LINE}" | head -n ${lines}`], { stdio: ["ignore", "pipe", "inherit"] });
  return child.stdout;
}

async function measured(work: (directory: string) => Promise<void>): Promise<Cost> {
  const directory = mkdtempSync(join(tmpdir(), "llm-manager-bench-"));
  try {
    const rss = process.memoryUsage.rss();
    let peak = rss;
    const watch = setInterval(() => {
      peak = Math.max(peak, process.memoryUsage.rss());
    }, 50);
    const [cpu, start] = [process.cpuUsage(), performance.now()];
    await work(directory);
    const seconds = (performance.now() - start) / 1000;
    const { user, system } = process.cpuUsage(cpu);
    clearInterval(watch);
    const kept = readdirSync(directory).reduce((sum, name) => sum + statSync(join(directory, name)).size, 0);
    return { seconds, cpuSeconds: (user + system) / 1e6, rssGrowth: peak - rss, kept };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

const copied: Cost[] = [];
const logged: Cost[] = [];
const read: { lines: number; seconds: number }[] = [];
for (let round = 0; round < ROUNDS; round++) {
  copied.push(await measured((directory) => pipeline(engine(), createWriteStream(join(directory, "copy")))));
  logged.push(
    await measured(async (directory) => {
      const writer = new LogWriter({ directory, clock, begin: "new" });
      for await (const chunk of engine()) await writer.write("stdout", chunk);
      await writer.close();
      const start = performance.now();
      let lines = 0;
      for await (const batch of readLog(directory, {})) lines += batch.length;
      read.push({ lines, seconds: (performance.now() - start) / 1000 });
    }),
  );
}

const of = (costs: readonly Cost[], pick: (cost: Cost) => number) => median(costs.map(pick));
const MiB = 2 ** 20;
const row = (name: string, costs: readonly Cost[]) => [
  name,
  of(costs, ({ seconds }) => MEGABYTES / seconds).toFixed(0),
  of(costs, ({ cpuSeconds }) => (cpuSeconds * 1000) / MEGABYTES).toFixed(2),
  (of(costs, ({ cpuSeconds }) => cpuSeconds) / of(copied, ({ cpuSeconds }) => cpuSeconds)).toFixed(2),
  of(costs, ({ rssGrowth }) => rssGrowth / MiB).toFixed(0),
  of(costs, ({ kept }) => kept / MiB).toFixed(0),
];
printTable(`Keeping ${MEGABYTES} MiB of log, in lines of ${LINE.length + 1} bytes`, [
  ["", "MiB/s", "CPU ms/MiB", "ratio", "RSS +MiB", "kept MiB"],
  row("plain copy", copied),
  row("log (and read once)", logged),
]);
const lines = median(read.map((each) => each.lines / each.seconds));
console.log(`  reading what is kept: ${Math.round(lines).toLocaleString("en")} lines a second`);
