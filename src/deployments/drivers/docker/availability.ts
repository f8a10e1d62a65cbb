import { statSync } from "node:fs";
import type { Clock } from "../../../clock.ts";
import type { ContainerEngine } from "./container-engine.ts";

/** How long an answer of the Engine holds. */
const KEPT_MS = 5_000;

/** Whether there is an Engine to be used, from a look that is at most seconds old. */
export class Availability {
  readonly #socketPath: string;
  readonly #engine: Pick<ContainerEngine, "ping">;
  readonly #clock: Clock;
  #reason: string | null = null;
  #until = 0;
  #looking = false;

  constructor(socketPath: string, engine: Pick<ContainerEngine, "ping">, clock: Clock) {
    this.#socketPath = socketPath;
    this.#engine = engine;
    this.#clock = clock;
  }

  /** Why it can't be used; null when it can, as far as is known: the first answer says only whether there is a socket. */
  unavailable(): string | null {
    if (!this.#isThere()) {
      this.#reason = null;
      this.#until = 0;
      return `there is no Docker Engine at ${this.#socketPath}`;
    }
    if (!this.#looking && this.#clock.monotonic() >= this.#until) void this.#look();
    return this.#reason;
  }

  /** The Engine has just answered something else. */
  answered(): void {
    this.#reason = null;
    this.#until = this.#clock.monotonic() + KEPT_MS;
  }

  async #look(): Promise<void> {
    this.#looking = true;
    try {
      await this.#engine.ping();
      this.#reason = null;
    } catch (error) {
      this.#reason = this.#explain(error instanceof Error ? error.message : String(error));
    }
    this.#until = this.#clock.monotonic() + KEPT_MS;
    this.#looking = false;
  }

  #isThere(): boolean {
    // Windows' pipes are no files.
    if (process.platform === "win32") return true;
    try {
      return statSync(this.#socketPath).isSocket();
    } catch {
      return false;
    }
  }

  #explain(message: string): string {
    if (/EACCES|EPERM/.test(message)) {
      return `this server's user may not use ${this.#socketPath}: add it to the socket's group, which usually is docker`;
    }
    if (/ECONNREFUSED|ENOENT/.test(message)) return `no Docker Engine listens at ${this.#socketPath}`;
    return `the Docker Engine at ${this.#socketPath} does not answer: ${message}`;
  }
}
