import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ENGINE, eventually, processesOf } from "../deployments/process/rig.ts";
import { send } from "../rest.ts";
import { type ServerProcess, serverProcess } from "../server-process.ts";
import { tempDir } from "../temp-dir.ts";

/** Deployments that are commanded at the same time. */
const DEPLOYMENTS = 3;
/** A start takes about 0.3 s, a stop 0.1 s: the kill falls anywhere into that, or just after it. */
const KILL_WITHIN_MS = 500;
/** The share of shims that stand still for a while after a kill, as on a machine that swaps, and up to how long. */
const FROZEN = 0.5;
const FROZEN_MS = 1_500;
/** How long engines of the slow kind take to end, so that a kill falls into that, and a start that does not wait shows. */
const LINGER_MS = 1_200;
/** What is on its way out when everything has settled may take this long. */
const LEAVE_MS = 5_000;
/** The share of kills after which the next server is killed as well before everything has settled. */
const AGAIN = 0.4;
const SETTLE_MS = 60_000;

type Fate = "running" | "stopped" | "gone";

/** One deployment as a user knows it: what was acknowledged, and what may have been accepted when the kill came. */
interface Known {
  readonly id: string;
  readonly journal: string;
  /** More than one while nobody knows whether the last command was accepted. */
  fates: ReadonlySet<Fate>;
  /** The engine that must not be there any more, since a restart was acknowledged. */
  replaced: number | undefined;
}

export interface KillReport {
  readonly kills: number;
  readonly commands: number;
  /** How many runs were at which step when the server was killed. */
  readonly steps: Readonly<Record<string, number>>;
  readonly doubleStarts: readonly string[];
  readonly lost: readonly string[];
  readonly orphans: readonly string[];
  /** Starts and runs that failed, of which nobody can tell a reason but the kills; a restart afterwards hides none. */
  readonly failures: readonly string[];
}

/**
 * A server that is killed with SIGKILL `kills` times while deployments of real processes are started, stopped, restarted,
 * made and removed. After each kill a new server must make true what was acknowledged, whatever step the kill cut off.
 *
 * @param seed says which commands at which moments.
 */
export async function killRounds(kills: number, seed: number): Promise<KillReport> {
  using dir = tempDir();
  const random = generator(seed);
  const config = writeConfig(dir.path);
  const fleet = new Fleet(dir.path, random);
  const steps: Record<string, number> = {};
  let done = 0;
  try {
    while (done < kills) {
      await using server = await serverProcess({ dataDir: join(dir.path, "data"), env: { CONFIG_FILE: config } });
      if (done === 0) await send(server.url, "POST", "/models", { model_id: "m", name: "M", model_source: "local" });
      if (done === 0 || random() > AGAIN) await fleet.settle(server);
      const kill = sleep(random() * KILL_WITHIN_MS).then(() => server.kill("SIGKILL"));
      await Promise.all([fleet.command(server), kill]);
      fleet.freeze();
      done++;
      for (const step of stepsIn(join(dir.path, "data", "run"))) steps[step] = (steps[step] ?? 0) + 1;
    }
    await using server = await serverProcess({ dataDir: join(dir.path, "data"), env: { CONFIG_FILE: config } });
    await fleet.settle(server);
    await fleet.removeAll(server);
    const failures = await failuresIn(server.url);
    await server.kill("SIGTERM");
    const left = processesOf(dir.path);
    if (left.length > 0) fleet.orphans.push(`${left.length} processes after everything was removed`);
    return { kills: done, steps, failures, ...fleet.report() };
  } finally {
    await eventually(() => {
      const left = processesOf(dir.path);
      for (const pid of left) process.kill(pid, "SIGKILL");
      return left.length === 0;
    }, "everything is killed");
  }
}

/** The deployments, and what a user may expect of them. */
class Fleet {
  readonly orphans: string[] = [];
  readonly #lost: string[] = [];
  readonly #directory: string;
  readonly #random: () => number;
  readonly #known = new Map<string, Known>();
  #commands = 0;
  #thawed: Promise<unknown> = Promise.resolve();

  constructor(directory: string, random: () => number) {
    this.#directory = directory;
    this.#random = random;
  }

  /** One command to each at a moment of its own, until the server is killed; makes new ones for those that are gone. */
  async command(server: ServerProcess): Promise<void> {
    const each = [...this.#known.values()].map(async (known) => {
      await sleep(this.#random() * (KILL_WITHIN_MS / 2));
      await this.#change(server, known);
    });
    for (let missing = DEPLOYMENTS - this.#known.size; missing > 0; missing--) each.push(this.#create(server));
    await Promise.all(each);
  }

  /**
   * Has some of the shims stand still for a while, wherever they are. The next server then sees what otherwise passes in
   * milliseconds: a run that is not claimed yet, and one that is claimed and does not run.
   */
  freeze(): void {
    for (const pid of processesOf(this.#directory)) {
      if (!isShim(pid) || this.#random() > FROZEN) continue;
      signal(pid, "SIGSTOP");
      const thaw = sleep(this.#random() * FROZEN_MS).then(() => signal(pid, "SIGCONT"));
      this.#thawed = Promise.all([this.#thawed, thaw]);
    }
  }

  /** Waits until the server has made true what is known of each, and looks whether anything else is there. */
  async settle(server: ServerProcess): Promise<void> {
    await this.#thawed;
    let found = new Map<string, { status: string; pid: number | null; reason: string | null }>();
    const unsettled = () =>
      [...this.#known.values()].find(({ id, fates, replaced }) => {
        const { status, pid } = found.get(id) ?? { status: "gone", pid: null };
        return !fates.has(status as Fate) || (status === "running" && (pid === null || pid === replaced));
      });
    try {
      await eventually(
        async () => {
          const { body } = await send(server.url, "GET", "/deployments?limit=500");
          found = new Map(body.items.map((item: { deployment_id: string }) => [item.deployment_id, item]));
          // Created by a request that was cut off: it is there as if it had been acknowledged.
          for (const id of found.keys()) if (!this.#known.has(id)) this.#learn(id, ["running"]);
          return unsettled() === undefined;
        },
        "what was acknowledged is true",
        SETTLE_MS,
      );
    } catch {
      const known = unsettled();
      const now = JSON.stringify(found.get(known?.id ?? ""));
      this.#lost.push(`${known?.id} should be ${[...(known?.fates ?? [])]} and not ${known?.replaced}, and is ${now}`);
      throw new Error(`${this.#lost.at(-1)}\n${server.output()}`);
    }
    // A stop that may have been accepted may still be under way.
    if ([...this.#known.values()].some(({ fates }) => fates.size > 1)) await sleep(LINGER_MS + 400);
    const { body } = await send(server.url, "GET", "/deployments?limit=500");
    const status = new Map<string, Fate>(
      body.items.map((item: { deployment_id: string; status: Fate }) => [item.deployment_id, item.status]),
    );
    for (const known of this.#known.values()) {
      const fate = status.get(known.id) ?? "gone";
      if (fate === "gone") this.#known.delete(known.id);
      known.fates = new Set([fate]);
      known.replaced = undefined;
    }
    await this.#lookForOrphans(server, [...status.values()].filter((fate) => fate === "running").length);
  }

  async removeAll(server: ServerProcess): Promise<void> {
    await Promise.all([...this.#known.keys()].map((id) => send(server.url, "DELETE", `/deployments/${id}`)));
  }

  report(): Pick<KillReport, "commands" | "doubleStarts" | "lost" | "orphans"> {
    const journals = readdirSync(this.#directory).filter((name) => name.endsWith(".journal"));
    const doubleStarts = journals.flatMap((name) =>
      readFileSync(join(this.#directory, name), "utf8")
        .split("\n")
        .filter((line) => line.startsWith("double"))
        .map((line) => `${name}: ${line}`),
    );
    return { commands: this.#commands, doubleStarts, lost: this.#lost, orphans: this.orphans };
  }

  /** Of each running deployment there is a shim and an engine; of everything else, nothing. */
  async #lookForOrphans(server: ServerProcess, running: number): Promise<void> {
    const there = () => processesOf(this.#directory).filter((pid) => pid !== server.process.pid).length;
    try {
      await eventually(() => there() === 2 * running, "only what should run is there", LEAVE_MS);
    } catch {
      this.orphans.push(`${there()} processes for ${running} running deployments`);
    }
  }

  async #create(server: ServerProcess): Promise<void> {
    const port = 20_000 + Math.floor(this.#random() * 10_000);
    const runtime = this.#random() < 0.6 ? "quick" : "slow";
    const input = { model_id: "m", runtime, host: "127.0.0.1", port };
    const answer = await this.#send(server, "POST", "/deployments", input);
    if (answer) this.#learn(answer.body.deployment_id, ["running"]);
  }

  async #change(server: ServerProcess, known: Known): Promise<void> {
    const [fate] = known.fates;
    const running = fate === "running";
    const which = this.#random();
    const verb =
      which < 0.15 ? "remove" : running ? (which < 0.6 ? "restart" : "stop") : which < 0.6 ? "start" : "restart";
    const before = known.fates;
    // Until it is answered it may have been accepted or not; of a removal, the stop that comes first.
    const meant: Fate = verb === "remove" ? "gone" : verb === "stop" ? "stopped" : "running";
    known.fates = new Set<Fate>([...before, meant, ...(verb === "remove" ? (["stopped"] as const) : [])]);
    const pid = running ? engineOf(known.journal) : undefined;
    const path = `/deployments/${known.id}`;
    const answer = await (verb === "remove"
      ? this.#send(server, "DELETE", path)
      : this.#send(server, "POST", `${path}/${verb}`));
    if (!answer) return;
    // Not possible in the state it is in, which an earlier command that was cut off has brought about.
    if (answer.status === 409 || answer.status === 404) return;
    known.fates = new Set([meant]);
    if (verb === "restart" && answer.status === 202) known.replaced = pid;
  }

  /** Undefined when the kill came before the answer. */
  async #send(server: ServerProcess, method: string, path: string, body?: unknown) {
    this.#commands++;
    try {
      return await send(server.url, method, path, body);
    } catch {
      return undefined;
    }
  }

  #learn(id: string, fates: readonly Fate[]): void {
    this.#known.set(id, {
      ...{ id, fates: new Set(fates), replaced: undefined },
      journal: join(this.#directory, `${id}.journal`),
    });
  }
}

async function failuresIn(url: string): Promise<string[]> {
  const { body } = await send(url, "GET", "/activities?activity_type=model_deployment&severity=error&limit=200");
  return body.items.map(({ message }: { message: string }) => message);
}

function isShim(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "latin1").includes("engine-shim");
  } catch {
    return false;
  }
}

function signal(pid: number, name: "SIGSTOP" | "SIGCONT"): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has ended meanwhile.
  }
}

/** The engine that started last. */
function engineOf(journal: string): number | undefined {
  if (!existsSync(journal)) return undefined;
  const starts = readFileSync(journal, "utf8")
    .split("\n")
    .filter((line) => line.startsWith("start "));
  return Number(starts.at(-1)?.split(" ")[1]);
}

function writeConfig(directory: string): string {
  const config = join(directory, "llm-manager.toml");
  const command = [...ENGINE, "--port", "{port}", "--journal", `${directory}/{deployment_id}.journal`];
  const env = `env = { TEST = ${JSON.stringify(directory)} }`;
  const table = (name: string, flags: readonly string[]) =>
    `[runtimes.${name}]\ndriver = "process"\ncommand = ${JSON.stringify([...command, ...flags])}\n${env}\n`;
  writeFileSync(config, table("quick", []) + table("slow", ["--linger-ms", String(LINGER_MS)]));
  return config;
}

/** Where each run that is known on disk was. */
function stepsIn(runDirectory: string): string[] {
  if (!existsSync(runDirectory)) return ["nothing was written yet"];
  const runs = readdirSync(runDirectory).flatMap((id) =>
    readdirSync(join(runDirectory, id)).map((token) => new Set(readdirSync(join(runDirectory, id, token)))),
  );
  if (runs.length === 0) return ["nothing runs"];
  return runs.map((files) => {
    if (files.has("exit.json")) return "ended, not forgotten";
    if (files.has("stopping")) return "being stopped";
    if (files.has("state.json")) return "running";
    if (files.has("claim.json")) return "claimed, not running";
    return files.has("launch.json") ? "written, not claimed" : "being written";
  });
}

/** mulberry32: small, and the same numbers for the same seed. */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
