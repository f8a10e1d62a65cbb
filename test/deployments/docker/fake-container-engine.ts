import type { ContainerCreateOptions } from "dockerode";
import {
  type ContainerEngine,
  EngineError,
  type Inspected,
  type PullMessage,
} from "../../../src/deployments/drivers/docker/container-engine.ts";
import type { LogFrame } from "../../../src/deployments/drivers/docker/log-frames.ts";
import { encodeFrame } from "./frames.ts";

interface FakeContainer extends Inspected {
  readonly name: string;
  readonly options: ContainerCreateOptions;
}

const NOT_OVER = { code: 0, oom: false, error: "", finishedAt: null };

/** A Docker Engine by word: it keeps names unique, and can be away, refuse, or lose its answers. */
export class FakeContainerEngine implements ContainerEngine {
  readonly containers = new Map<string, FakeContainer>();
  readonly images = new Set(["engine:1"]);
  readonly calls: string[] = [];
  /** How many were running at once for the busiest name's deployment. */
  mostRunning = 0;
  away = false;
  /** Does what is asked next by a call that begins like this, and loses the answer. */
  lose: string | undefined;
  /** What the Engine says to a call that begins like this. */
  readonly refusals = new Map<string, EngineError>();
  pulling: ((message: PullMessage) => void) | undefined;
  /** What each container wrote, in the order of its log. */
  readonly written = new Map<string, LogFrame[]>();
  /** As Engines from 26 on: what is older than the time asked for is only left out up to the first that is not. */
  leadingOnly = false;
  readonly #readers = new Set<() => void>();
  #pulled = Promise.withResolvers<void>();
  #listeners = new Set<(id: string, what: string) => void>();
  #ids = 0;
  #cuts = 0;

  /** Ends a container as `docker stop` does, or an Engine that shuts down. */
  stopByHand(id: string, code: number): void {
    this.#tell(id, "kill");
    this.exit(id, code);
  }

  /** Ends a container as its program would. */
  exit(id: string, code: number, oom = false): void {
    const container = this.#require(id);
    this.containers.set(id, { ...container, state: "over", exit: { ...NOT_OVER, code, oom, finishedAt: 1 } });
    this.#tell(id, "die");
  }

  write(id: string, ...frames: readonly LogFrame[]): void {
    this.written.set(id, [...(this.written.get(id) ?? []), ...frames]);
    this.#wakeReaders();
  }

  /** Ends every connection over which a log is read. */
  cut(): void {
    this.#cuts++;
    this.#wakeReaders();
  }

  /** As somebody would by hand. */
  drop(id: string): void {
    this.containers.delete(id);
    this.#tell(id, "destroy");
  }

  add(name: string, labels: Record<string, string>, state: Inspected["state"] = "running"): string {
    const id = `c${++this.#ids}`;
    this.containers.set(id, { id, name, labels, state, exit: NOT_OVER, graceMs: 10_000, options: {} });
    return id;
  }

  finishPull(error?: Error): void {
    if (error) this.#pulled.reject(error);
    else this.#pulled.resolve();
  }

  ping = () => this.#answer("ping", () => {});

  list = (labels: Readonly<Record<string, string>>) =>
    this.#answer("list", () =>
      [...this.containers.values()].filter((each) => Object.entries(labels).every(([k, v]) => each.labels[k] === v)),
    );

  inspect = (id: string) => this.#answer(`inspect ${id}`, () => this.containers.get(id));

  create = (name: string, options: ContainerCreateOptions) =>
    this.#answer(`create ${name}`, () => {
      if ([...this.containers.values()].some((each) => each.name === name)) {
        throw new EngineError("conflict", `the name ${name} is in use`);
      }
      if (!this.images.has(options.Image ?? "")) throw new EngineError("missing", "no such image");
      const id = this.add(name, options.Labels ?? {}, "created");
      this.containers.set(id, { ...this.#require(id), options });
      return { id, warnings: [] };
    });

  start = (id: string) =>
    this.#answer(`start ${id}`, () => {
      this.containers.set(id, { ...this.#require(id), state: "running" });
      const running = [...this.containers.values()].filter(({ state }) => state === "running");
      this.mostRunning = Math.max(this.mostRunning, running.length);
    });

  stop = (id: string) =>
    this.#answer(`stop ${id}`, () => {
      if (this.containers.get(id)?.state === "running") this.exit(id, 143);
    });

  remove = (id: string) => this.#answer(`remove ${id}`, () => this.drop(id));

  hasImage = (name: string) => this.#answer(`image ${name}`, () => this.images.has(name));

  async pull(name: string, onMessage: (message: PullMessage) => void, signal: AbortSignal): Promise<void> {
    await this.#answer(`pull ${name}`, () => {});
    this.#pulled = Promise.withResolvers();
    this.pulling = onMessage;
    const abort = Promise.withResolvers<never>();
    signal.addEventListener("abort", () => abort.reject(new EngineError("unreachable", "given up")), { once: true });
    await Promise.race([this.#pulled.promise, abort.promise]);
    this.images.add(name);
  }

  async events(
    _labels: Readonly<Record<string, string>>,
    onEvent: (id: string, what: string) => void,
    signal: AbortSignal,
  ) {
    await this.#answer("events", () => {});
    this.#listeners.add(onEvent);
    const ended = new Promise<void>((resolve) => {
      signal.addEventListener(
        "abort",
        () => {
          this.#listeners.delete(onEvent);
          resolve();
        },
        { once: true },
      );
    });
    return { ended };
  }

  async *logs(id: string, since: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    await this.#answer(`logs ${id}`, () => this.#require(id));
    const from = Number(since.replace(".", ""));
    const cuts = this.#cuts;
    let reached = false;
    for (let index = 0; ; ) {
      if (this.away || this.#cuts !== cuts || signal.aborted) throw new EngineError("unreachable", "aborted");
      const frame = this.written.get(id)?.[index];
      if (frame) {
        index++;
        const old = frame.time < from && !(this.leadingOnly && reached);
        if (old) continue;
        reached = true;
        yield encodeFrame(frame);
      } else if (this.containers.get(id)?.state !== "running") return;
      else {
        await new Promise<void>((resolve) => {
          const wake = () => {
            this.#readers.delete(wake);
            resolve();
          };
          this.#readers.add(wake);
          signal.addEventListener("abort", wake, { once: true });
        });
      }
    }
  }

  async tail() {
    return new Uint8Array();
  }

  memory = (id: string) => this.#answer(`memory ${id}`, () => 1);

  #wakeReaders(): void {
    for (const wake of [...this.#readers]) wake();
  }

  #tell(id: string, what: string): void {
    this.#wakeReaders();
    for (const listener of this.#listeners) listener(id, what);
  }

  #require(id: string): FakeContainer {
    const container = this.containers.get(id);
    if (!container) throw new EngineError("missing", `no such container: ${id}`);
    return container;
  }

  async #answer<Answer>(call: string, work: () => Answer): Promise<Answer> {
    if (this.away) throw new EngineError("unreachable", "connect ENOENT /run/docker.sock");
    this.calls.push(call);
    for (const [start, error] of this.refusals) if (call.startsWith(start)) throw error;
    const answer = work();
    if (this.lose === undefined || call === "events" || !call.startsWith(this.lose)) return answer;
    this.lose = undefined;
    throw new EngineError("unreachable", "aborted");
  }
}
