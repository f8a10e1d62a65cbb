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
 * Node. Server and clients are processes of their own; the servers take short turns, and the medians count.
 *
 * `--quick` takes fewer turns.
 */

const quick = process.argv.includes("--quick");
const ROUNDS = quick ? 3 : 15;
const SECONDS = 2;
const WARM_UP_SECONDS = 2;
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

for (const clients of [500, 2_000]) {
  const contenders: Contender[] = [];
  for (const { name, command } of variants) contenders.push(await contend(name, command, clients));
  for (const contender of contenders) await contender.run(WARM_UP_SECONDS);
  const rounds: number[][] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const micros: number[] = [];
    for (const contender of contenders) micros.push(await contender.run(SECONDS));
    rounds.push(micros);
  }
  // Within a round, so that what else the machine does falls on both alike.
  const ratioOf = (index: number) => median(rounds.map((micros) => (micros[index] ?? 0) / (micros[0] ?? 1)));
  printTable(`${clients} clients, ${RATE} deliveries a second, medians of ${ROUNDS} rounds`, [
    ["", "CPU µs/message", "× raw", "RSS MiB"],
    ...contenders.map(({ name, rss }, index) => [
      name,
      median(rounds.map((micros) => micros[index] ?? 0)).toFixed(1),
      ratioOf(index).toFixed(2),
      rss().toFixed(0),
    ]),
  ]);
  console.log(`  goal: ours <= ${GOAL} x raw: ${ratioOf(1) <= GOAL ? "met" : "missed"}`);
  await Promise.all(contenders.map((contender) => contender.end()));
}
rmSync(scratch, { recursive: true });

interface Contender {
  readonly name: string;
  /** Broadcasts for that long; resolves to the server's CPU time for each delivered message, in microseconds. */
  run(seconds: number): Promise<number>;
  rss(): number;
  end(): Promise<unknown>;
}

/** A server with its clients connected; it costs nothing while another one's turn is on. */
async function contend(name: string, command: readonly string[], clients: number): Promise<Contender> {
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
  return {
    name,
    rss: () => rssMiB(server.pid),
    end: () => Promise.all([server.end(), load.end()]),
    async run(seconds) {
      const request: LoadRequest = { events: Math.round((1_000 * seconds) / everyMs), everyMs };
      events += request.events;
      server.say(JSON.stringify(request));
      const result: LoadResult = JSON.parse(await server.hear());
      load.say(String(events * clients));
      const delivered = await load.hear();
      if (delivered !== "delivered") throw new Error(delivered);
      return result.cpuMicros / (request.events * clients);
    },
  };
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
