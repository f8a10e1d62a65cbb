import { join } from "node:path";
import type { Clock } from "../../../clock.ts";
import { reachable } from "../../recipes/launch.ts";
import type { Ending, Hooks, Instance, Launch, Target } from "../driver.ts";
import { bringContainer } from "./bring-container.ts";
import { type ContainerEngine, EngineError } from "./container-engine.ts";
import { ContainerOutput } from "./container-output.ts";
import { endContainer } from "./end-containers.ts";
import { endingOf, engineAway, REMOVED, type Seen } from "./endings.ts";
import type { EngineEvents } from "./engine-events.ts";
import { ownLabels } from "./marks.ts";
import type { Owner } from "./owner.ts";
import { Abandoned, type Patience, patiently, pause } from "./patience.ts";

/** A start waits this long for an Engine that is just coming up, as it does when the machine boots. */
const START_PATIENCE_MS = 60_000;
/** Who asked for a stop is told after this long that the Engine can't be reached; the stop stays in force. */
const STOP_PATIENCE_MS = 30_000;
/** Between two looks at a container, besides those that an event is reason for: while it may be loading, and after. */
const LOADING_LOOK_MS = 10_000;
const LOOK_MS = 30_000;
/** As long as a start can take; see start-deadline.ts. */
const LOADING_MS = 30 * 60_000;
export interface ContainerRunParts {
  readonly engine: ContainerEngine;
  readonly events: EngineEvents;
  readonly owner: Owner;
  readonly clock: Clock;
  /** DATA_DIR/logs; what a container writes goes to dep-3/ in it. */
  readonly logDirectory: string;
  /** Resolves when an earlier run of the same deployment, which is still being ended, is gone. */
  readonly before: Promise<void>;
}

/** One run of a deployment in a container, started by this server or by one before it. */
export class ContainerRun implements Instance {
  readonly host: string;
  readonly port: number;
  readonly ended: Promise<Ending>;
  readonly #target: Target;
  readonly #hooks: Hooks;
  readonly #parts: ContainerRunParts;
  readonly #output: ContainerOutput;
  readonly #over: (ending: Ending) => void;
  /** The server lets go: nothing is asked of the Engine any more. */
  readonly #released = new AbortController();
  /** It is being stopped: nothing is begun or watched any more. */
  readonly #stopping = new AbortController();
  #id: string | undefined;
  /** What is seen of its end, should it come now. */
  #seen: Seen = "all";
  #warnings: readonly string[] = [];
  #begun: Promise<void> = Promise.resolve();
  #stopped: { readonly told: Promise<void>; readonly gone: Promise<void> } | undefined;

  constructor(target: Target, hooks: Hooks, parts: ContainerRunParts) {
    this.#target = target;
    this.#hooks = hooks;
    this.#parts = parts;
    this.host = reachable(target.host);
    this.port = target.port ?? 0;
    const { promise, resolve } = Promise.withResolvers<Ending>();
    this.ended = promise;
    this.#over = resolve;
    this.#output = new ContainerOutput({
      ...{ engine: parts.engine, clock: parts.clock, signal: this.#released.signal, onProgress: hooks.onProgress },
      directory: join(parts.logDirectory, target.deploymentId),
    });
  }

  get containerId(): string | undefined {
    return this.#id;
  }

  get progress(): Instance["progress"] {
    return this.#output.progress;
  }

  get warnings(): readonly string[] {
    return this.#warnings;
  }

  /** Brings up the container that `launch` says, or takes over what is there; without `launch` nothing is started. */
  begin(launch: (() => Launch) | undefined): void {
    this.#begun = this.#begin(launch).catch((error) => {
      if (!(error instanceof Abandoned)) this.#over({ reason: messageOf(error) });
    });
  }

  stop(): Promise<void> {
    return this.#end().told;
  }

  /** Stops it, too; resolves when nothing of it is left or can be done, however long the Engine is away meanwhile. */
  get gone(): Promise<void> {
    return this.#end().gone;
  }

  release(): void {
    this.#released.abort();
    void this.#output.close();
  }

  async #begin(launch: (() => Launch) | undefined): Promise<void> {
    const { engine, owner, before, clock } = this.#parts;
    await before;
    const { signal } = this.#stopping;
    const patience: Patience = {
      clock,
      signal: AbortSignal.any([signal, this.#released.signal]),
      onUnreachable: (forMs, error) => {
        // What was found running may still run; a start has to come to an end.
        if (launch && forMs >= START_PATIENCE_MS) throw new EngineAway(error.message);
      },
    };
    try {
      const { id, found, ending } = await bringContainer({
        ...{ engine, owner, target: this.#target, patience, launch },
        onLaunch: () => this.#output.begin(),
        onContainer: (container) => {
          this.#id = container;
        },
        onWarnings: (warnings) => {
          this.#warnings = warnings;
        },
        onPull: (pull) => this.#output.pulls(pull),
      });
      if (ending) return this.#over(ending);
      if (found === "over") this.#seen = "server away";
      this.#output.follow(id);
      void this.#watch(id, { clock, signal: patience.signal });
    } catch (error) {
      if (error instanceof EngineAway) return this.#over(engineAway(error.message));
      throw error;
    }
  }

  /** Looks at the container until it is over. */
  async #watch(id: string, patience: Patience): Promise<void> {
    const { engine, events, clock } = this.#parts;
    const began = clock.monotonic();
    let wake = new AbortController();
    using _ = events.on((which, what) => {
      if (which === id && what === "kill") this.#seen = "stopped";
      if (which === undefined || which === id) wake.abort();
    });
    let memory = 0;
    const patient: Patience = { ...patience, onUnreachable: () => (this.#seen = "engine away") };
    try {
      while (!patience.signal.aborted) {
        wake = new AbortController();
        const woken = AbortSignal.any([patience.signal, wake.signal]);
        const container = await patiently(patient, () => engine.inspect(id));
        if (!container) return this.#over(REMOVED);
        if (container.state === "over") {
          await this.#output.drained();
          return this.#over(endingOf(container.exit, this.#seen, await this.#output.lastLines(id)));
        }
        if (this.#seen === "engine away") this.#seen = "all";
        const loading = clock.monotonic() - began < LOADING_MS;
        if (loading) memory = await this.#grown(id, memory);
        await pause(clock, loading ? LOADING_LOOK_MS : LOOK_MS, woken);
      }
    } catch (error) {
      if (!(error instanceof Abandoned)) this.#over({ reason: messageOf(error) });
    }
  }

  /** Memory grows while a model is read. @returns what is in use. */
  async #grown(id: string, before: number): Promise<number> {
    try {
      const memory = (await this.#parts.engine.memory(id)) ?? before;
      if (memory > before) this.#hooks.onProgress();
      return memory;
    } catch {
      // The next look shows what is the matter.
      return before;
    }
  }

  #end(): { readonly told: Promise<void>; readonly gone: Promise<void> } {
    if (this.#stopped) return this.#stopped;
    this.#stopping.abort();
    const told = Promise.withResolvers<void>();
    const gone = this.#remove((error) => told.reject(error)).then(told.resolve, (error) => {
      // Who let go of it does not wait any more, and what is left is found by the next server.
      if (error instanceof Abandoned) return told.resolve();
      told.reject(error);
    });
    this.#stopped = { told: told.promise, gone };
    return this.#stopped;
  }

  async #remove(onAway: (error: Error) => void): Promise<void> {
    const { engine, owner, clock } = this.#parts;
    // What is being created has to be there before it can be removed.
    await this.#begun;
    const id = owner.known();
    if (id === undefined) return await this.#output.close();
    const patience: Patience = {
      clock,
      signal: this.#released.signal,
      onUnreachable: (forMs, { message }) => {
        if (forMs >= STOP_PATIENCE_MS) onAway(new Error(engineAway(message).reason));
      },
    };
    const all = await patiently(patience, () => engine.list(ownLabels(id, this.#target.deploymentId)));
    await Promise.all(
      all.map((container) => endContainer(container.id, engine, patience, () => this.#output.drained())),
    );
    await this.#output.close();
  }
}

/** The Engine has been away for longer than a start can wait. */
class EngineAway extends EngineError {
  constructor(message: string) {
    super("refused", message);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
