import { type ChildProcess, spawn } from "node:child_process";
import type { Logger } from "@logtape/logtape";
import type { Clock } from "../../clock.ts";
import type { GpuDevice } from "../../contract/index.ts";
import type { Collector } from "../collector.ts";
import { Lines, NVIDIA_FIELDS, parseNvidiaRow, Rounds, saysSomething, silent } from "./nvidia-output.ts";

/** One long-lived loop: a single call takes seconds on machines with many GPUs, a round of the loop half a second. */
const COMMAND = [
  "nvidia-smi",
  `--query-gpu=${NVIDIA_FIELDS.join(",")}`,
  "--format=csv,noheader,nounits",
  "-l",
  "2",
] as const;

/** A first round takes half a second to six; a frame does not wait that long for it. */
const FIRST_ROUND_MS = 1_000;

/** After this many missed rounds the figures are old. */
const FRESH_MS = 10_000;

/** A loop that says nothing for so long hangs, in the driver or for good. Ten GPUs without persistence take 20 s. */
const HANGS_MS = 30_000;

/** Delay before the loop is started again: 1 s, doubled up to a minute; no such program is looked for every 5 minutes. */
const RESTART_MS = { first: 1_000, most: 60_000, missing: 300_000 } as const;

/** Length of what nvidia-smi said last that a log line quotes. */
const MAX_QUOTE = 200;

/** One start of the loop. */
interface Run {
  readonly child: ChildProcess;
  /** Monotonic time of its last round with figures, or of its start. */
  heardAt: number;
  answered: boolean;
  /** Resolves with its first round, with its end, or when that has been waited for long enough. */
  readonly first: PromiseWithResolvers<void>;
  waitedFor: boolean;
  /** Ended because nobody wants it, which is no failure. */
  released: boolean;
}

/**
 * NVIDIA devices through one `nvidia-smi` that keeps printing. It runs from the first reading on until it is disposed, is
 * started again when it ends or hangs, and is never there twice: one that a hanging driver does not let go is waited for.
 *
 * It ends with the server also when that is killed: its next line then meets a closed pipe.
 */
export class NvidiaDevices implements Collector<readonly GpuDevice[]> {
  readonly name = "nvidia-smi";
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #command: readonly string[];
  #round: { readonly devices: readonly GpuDevice[]; readonly at: number } | undefined;
  #run: Run | undefined;
  #wanted = false;
  #startAt = Number.NEGATIVE_INFINITY;
  #delay: number = RESTART_MS.first;
  #failing = false;
  /** What it said last that is no row: the reason, as a rule, why it ends. */
  #lastWords = "";

  constructor(parts: { clock: Clock; log: Logger; command?: readonly string[] }) {
    this.#clock = parts.clock;
    this.#log = parts.log;
    this.#command = parts.command ?? COMMAND;
  }

  /** The devices of the last round by index; without figures when that is too long ago. */
  async read(): Promise<readonly GpuDevice[]> {
    this.#wanted = true;
    this.#ensureRunning();
    if (this.#run && !this.#run.waitedFor && !this.#round) await this.#firstRound(this.#run);
    if (!this.#round) return [];
    const fresh = this.#clock.monotonic() - this.#round.at <= FRESH_MS;
    return fresh ? this.#round.devices : this.#round.devices.map(silent);
  }

  [Symbol.dispose](): void {
    this.#wanted = false;
    this.#round = undefined;
    if (!this.#run) return;
    this.#run.released = true;
    this.#run.first.resolve();
    this.#run.child.kill("SIGKILL");
  }

  async #firstRound(run: Run): Promise<void> {
    run.waitedFor = true;
    const timer = this.#clock.after(FIRST_ROUND_MS, run.first.resolve);
    await run.first.promise;
    timer[Symbol.dispose]();
  }

  #ensureRunning(): void {
    const now = this.#clock.monotonic();
    if (!this.#run) {
      if (now >= this.#startAt) this.#start(now);
    } else if (now - this.#run.heardAt > HANGS_MS) {
      this.#run.child.kill("SIGKILL");
    }
  }

  #start(now: number): void {
    const [program = "", ...args] = this.#command;
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "ignore"], windowsHide: true });
    const first = Promise.withResolvers<void>();
    const run: Run = { child, heardAt: now, answered: false, first, waitedFor: false, released: false };
    this.#run = run;
    this.#lastWords = "";
    // The loop must not keep the server alive. Without a pid the spawn has failed, and Deno throws here.
    if (child.pid !== undefined) child.unref();
    // Node's pipe is a socket, which keeps the process alive as well; its type does not say so.
    if ("unref" in child.stdout && typeof child.stdout.unref === "function") child.stdout.unref();
    child.once("error", (error) => this.#ended(run, `cannot be started: ${error.message}`, RESTART_MS.missing));
    child.once("exit", (code, signal) => this.#ended(run, `ended (${signal ?? code})`, this.#delay));
    const lines = new Lines();
    const rounds = new Rounds();
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      for (const line of lines.take(text)) {
        const row = parseNvidiaRow(line);
        const devices = row && rounds.take(row);
        if (devices) this.#take(run, devices);
        if (!row && line.trim() !== "") this.#lastWords = line.trim().slice(0, MAX_QUOTE);
      }
    });
    // Deno reports a failed spawn here as well.
    child.stdout.on("error", () => {});
  }

  #take(run: Run, devices: readonly GpuDevice[]): void {
    if (run.released) return;
    this.#round ??= { devices: devices.map(silent), at: Number.NEGATIVE_INFINITY };
    run.answered = true;
    run.first.resolve();
    // On some drivers the loop gives one good round and nothing but errors after it; a new start helps.
    if (!devices.some(saysSomething)) return;
    const now = this.#clock.monotonic();
    this.#round = { devices, at: now };
    run.heardAt = now;
    this.#delay = RESTART_MS.first;
    if (this.#failing) this.#log.info("nvidia-smi answers again");
    this.#failing = false;
  }

  #ended(run: Run, how: string, delay: number): void {
    if (this.#run !== run) return;
    this.#run = undefined;
    run.first.resolve();
    if (run.released) {
      this.#startAt = Number.NEGATIVE_INFINITY;
      if (this.#wanted) this.#ensureRunning();
      return;
    }
    const missing = delay === RESTART_MS.missing;
    this.#startAt = this.#clock.monotonic() + delay;
    if (!missing) this.#delay = Math.min(delay * 2, RESTART_MS.most);
    // It does not list devices: there are none, or the driver is gone.
    if (!run.answered) this.#round = undefined;
    const message = "nvidia-smi {how}; trying again in {seconds} s. {said}";
    const properties = { how, seconds: delay / 1000, said: this.#lastWords };
    // A machine without NVIDIA's driver is no fault.
    if (missing) this.#log.debug(message, properties);
    else if (!this.#failing) this.#log.warning(message, properties);
    this.#failing ||= !missing;
  }
}
