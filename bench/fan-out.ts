import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { LoadRequest, LoadResult } from "./fan-out/load.ts";
import { rssMiB } from "./process-usage.ts";
import { median, printTable } from "./table.ts";

/**
 * What one delivered message costs the server in CPU time when a room of 500 or 2,000 WebSocket clients gets an event of
 * 975 bytes: ours beside Bun's bare `server.publish` (the limit), Socket.IO's default adapter on Bun, and Socket.IO on
 * Node. Server and clients are processes of their own; the servers take turns, and the median counts.
 *
 * `--quick` measures once and briefly.
 */

const quick = process.argv.includes("--quick");
const ROUNDS = quick ? 1 : 5;
const SECONDS = quick ? 2 : 4;
const WARM_UP_SECONDS = 1;
/** Deliveries a second, whatever the number of clients. */
const RATE = 20_000;
/** What ours may cost, as a multiple of the limit. */
const GOAL = 1.1;

const here = import.meta.dirname;
const scratch = mkdtempSync(join(tmpdir(), "fan-out-"));

const variants = [
  { name: "raw server.publish", command: [process.execPath, join(here, "fan-out/raw.ts")] },
  { name: "ours", command: [process.execPath, join(here, "fan-out/ours.ts")] },
  { name: "default adapter, Bun", command: [process.execPath, join(here, "fan-out/default-adapter.ts")] },
  { name: `Socket.IO, Node ${nodeVersion()}`, command: ["node", bundleForNode()] },
] as const;

interface Sample {
  readonly microsPerMessage: number;
  readonly rss: number;
}

for (const clients of [500, 2_000]) {
  const samples = new Map<string, Sample[]>(variants.map(({ name }) => [name, []]));
  for (let round = 0; round < ROUNDS; round++) {
    for (const { name, command } of variants) samples.get(name)?.push(await measure(command, clients));
  }
  const micros = ({ name }: { name: string }) => median((samples.get(name) ?? []).map((s) => s.microsPerMessage));
  const limit = micros(variants[0]);
  printTable(`${clients} clients, ${RATE} deliveries a second, median of ${ROUNDS}`, [
    ["", "CPU µs/message", "× raw", "RSS MiB"],
    ...variants.map((variant) => [
      variant.name,
      micros(variant).toFixed(1),
      (micros(variant) / limit).toFixed(2),
      median((samples.get(variant.name) ?? []).map((s) => s.rss)).toFixed(0),
    ]),
  ]);
  const ratio = micros(variants[1]) / limit;
  console.log(`  goal: ours <= ${GOAL} x raw: ${ratio <= GOAL ? "met" : "missed"}`);
}
rmSync(scratch, { recursive: true });

async function measure(command: readonly string[], clients: number): Promise<Sample> {
  const [program = "", ...args] = command;
  const server = new Talk(spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] }));
  const { port }: { port: number } = JSON.parse(await server.hear());
  const load = new Talk(
    spawn(process.execPath, [join(here, "fan-out/clients.ts"), String(port), String(clients)], {
      stdio: ["pipe", "pipe", "inherit"],
    }),
  );
  await load.hear();
  const everyMs = (1_000 * clients) / RATE;
  let events = 0;
  const run = async (seconds: number): Promise<number> => {
    const request: LoadRequest = { events: Math.round((1_000 * seconds) / everyMs), everyMs };
    events += request.events;
    server.say(JSON.stringify(request));
    const result: LoadResult = JSON.parse(await server.hear());
    load.say(String(events * clients));
    const delivered = await load.hear();
    if (delivered !== "delivered") throw new Error(delivered);
    return result.cpuMicros / (request.events * clients);
  };
  await run(WARM_UP_SECONDS);
  const microsPerMessage = await run(SECONDS);
  const rss = rssMiB(server.pid);
  await Promise.all([server.end(), load.end()]);
  return { microsPerMessage, rss };
}

/** Lines to and from a child process. */
class Talk {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(child: ChildProcess) {
    if (!child.stdout) throw new Error("the child has no output");
    this.#child = child;
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  say(line: string): void {
    this.#child.stdin?.write(`${line}\n`);
  }

  async hear(): Promise<string> {
    const { value, done } = await this.#lines.next();
    if (done) throw new Error(`${this.#child.spawnargs.join(" ")} ended early`);
    return value;
  }

  async end(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.stdin?.end();
    await ended;
  }
}

/** As JavaScript, which any Node can run. */
function bundleForNode(): string {
  const bundle = join(scratch, "node.mjs");
  execFileSync(process.execPath, ["build", join(here, "fan-out/node.ts"), "--target=node", `--outfile=${bundle}`]);
  return bundle;
}

function nodeVersion(): string {
  return execFileSync("node", ["--version"], { encoding: "utf8" }).trim();
}
