import { ProblemError } from "../contract/index.ts";
import type { ActorParts } from "./actor-parts.ts";
import { beginRun } from "./begin-run.ts";
import type { Ending, Instance } from "./drivers/driver.ts";
import { type Command, isLegal, type Move, moves, resumption, transition } from "./lifecycle.ts";
import { processTree } from "./loading/process-tree.ts";
import { Mailbox } from "./mailbox.ts";
import { lostRace } from "./ports/ports.ts";
import type { DeploymentRecord } from "./record.ts";
import { leaks } from "./release.ts";
import type { MoveDetails } from "./repository.ts";
import { afterFailure, afterRestart, isSettled, NO_FAILURES, type Restarts } from "./restart-policy.ts";
import { RestartTimer } from "./restart-timer.ts";
import { RETRY_MS, type Run, type RunListener } from "./run.ts";
import { type Seen, seenOf } from "./seen.ts";

/** Engines that lose their port to somebody else at the last moment move on this often in one start. */
const MAX_RACES = 3;

/**
 * The one who may change a deployment. Whatever happens to it, a command or something a probe or a driver saw, is one
 * step in its mailbox. No caller looks at a state and acts on it later.
 *
 * A command is accepted once what it asks for is stored, and carried out from there on, also over a crash. The last
 * one wins: it replaces what an earlier one still had to do. Nothing is launched before the run before it is gone.
 */
export class DeploymentActor {
  readonly #parts: ActorParts;
  readonly #mailbox = new Mailbox();
  #record: DeploymentRecord;
  #run: Run | undefined;
  /** Whether the run before is being ended and not gone yet. */
  #ending = false;
  /** What is left to do once nothing runs any more. */
  #then: "launch" | "stop" | "remove" | undefined;
  /** The search for a free port that goes before a launch; a command makes it void. */
  #search: object | undefined;
  #races = 0;
  /** How long its starts took before. */
  #medianMs: number | undefined;
  #removal: PromiseWithResolvers<void> | undefined;
  /** The last verdict the history tells of; a restart of the server does not make it news again. */
  #told: DeploymentRecord["health"];
  #retry: Disposable | undefined;
  readonly #restarts: RestartTimer;
  #gone: "removed" | "released" | undefined;

  constructor(record: DeploymentRecord, parts: ActorParts) {
    this.#parts = parts;
    this.#told = record.health;
    // What an earlier run of the server knew of its health is not known any more.
    this.#record = { ...record, health: "unknown" };
    this.#restarts = new RestartTimer(record.restarts, {
      clock: parts.clock,
      isRunning: () => this.#record.status === "running",
      onDue: () => this.#background(() => this.#restart()),
      onStable: (restarts) => this.#background(() => this.#stable(restarts)),
    });
  }

  get record(): DeploymentRecord {
    return this.#record;
  }

  /** What runs of it, while something does. */
  get instance(): Instance | undefined {
    return this.#run?.instance;
  }

  get seen(): Seen {
    return seenOf(this.#record, this.#run, this.#medianMs, this.#parts.clock.now());
  }

  /**
   * Resolves with the deployment once the command is accepted.
   *
   * @throws ProblemError `illegal_transition`, `runtime_unavailable`, `not_found`; StorageError.
   */
  request(command: Command): Promise<DeploymentRecord> {
    return this.#mailbox.step(() => {
      this.#assertThere();
      if (command === "stop") this.#stop();
      // A stop that is still under way is taken back by going through `deploying` again.
      else this.#begin(command === "start" && this.#then === "stop" ? "restart" : command);
      return this.#record;
    });
  }

  /** Resolves when it is stopped and removed. */
  remove(): Promise<void> {
    return this.#mailbox.step(() => {
      if (this.#removal) return this.#removal.promise;
      this.#assertThere();
      this.#search = undefined;
      this.#end();
      this.#removal = Promise.withResolvers();
      const { promise } = this.#removal;
      this.#then = "remove";
      this.#proceed();
      return promise;
    });
  }

  /** Makes the stored state true, after the server has started or for a new one. A command that came first makes it void. */
  resume(): void {
    this.#background(() => {
      this.#restarts.run();
      if (this.#gone || this.#run || this.#then || this.#search) return;
      const { status, desired } = this.#record;
      const todo = resumption(status, desired);
      if (todo === "start") this.#go("start");
      // It may have been started already and hold its port, so that one is not looked at. Nor does it tell how long starts take.
      if (todo === "go on starting") this.#attach("start")?.awaitReady();
      if (todo === "watch") this.#attach("adopt")?.watch();
      if (todo === "find and stop") this.#attach("adopt");
      if (todo === "find and stop" || todo === "stop") this.#stop();
    });
  }

  /** The server shuts down: nothing is probed, changed or told any more, and nothing is stopped. */
  async release(): Promise<void> {
    this.#gone ??= "released";
    this.#retry?.[Symbol.dispose]();
    this.#restarts[Symbol.dispose]();
    this.#removal?.reject(new ProblemError("unavailable", "The server is shutting down."));
    const run = this.#run;
    this.#run = undefined;
    run?.[Symbol.dispose]();
    run?.instance.release();
    await run?.settled();
  }

  #assertThere(): void {
    if (this.#gone === "released") throw new ProblemError("unavailable", "The server is shutting down.");
    if (!this.#gone && this.#then !== "remove") return;
    throw new ProblemError("not_found", `There is no deployment ${this.#record.deploymentId}.`);
  }

  #begin(move: "start" | "restart"): void {
    transition(this.#record.status, move);
    // A command for what cannot be started is refused; without a command it is a start that fails.
    this.#parts.runtimes.require(this.#record.runtime);
    this.#go(move);
  }

  #go(move: "start" | "restart", restarts: Restarts = NO_FAILURES): void {
    this.#move(move, { restarts });
    this.#search = undefined;
    this.#races = 0;
    this.#endRun();
    this.#then = "launch";
    this.#proceed();
  }

  /** The delay after a failure is over. Whatever a user has asked for meanwhile made it void. */
  #restart(): void {
    const { restarts } = this.#restarts;
    if (restarts.waitMs !== 0 || this.#then || this.#record.status !== "failed") return;
    this.#go("restart", afterRestart(restarts));
  }

  #stable(restarts: Restarts): void {
    // It may have failed meanwhile, or been stopped.
    if (this.#record.status !== "running" || isSettled(this.#restarts.restarts)) return;
    this.#record = this.#parts.repository.stable(this.#record, restarts);
    this.#restarts.set(restarts);
  }

  /** It ended without being asked to, or could not be started; its policy says whether it is started again. */
  #fail(ending: Ending): void {
    // It still runs, so only its log knows what it waits for.
    if (ending.timedOut) ending = { ...ending, lastLines: this.#parts.lastLines() };
    const { clock, random } = this.#parts;
    const { restartPolicy } = this.#record;
    const restarts = afterFailure(this.#restarts.restarts, restartPolicy, ending, clock.now(), random());
    this.#move("fail", { ending, restarts });
  }

  #stop(): void {
    transition(this.#record.status, "stop");
    this.#search = undefined;
    this.#end();
    this.#then = "stop";
    this.#proceed();
  }

  /** Ends what runs, after having stored that this is wanted: a crash meanwhile does not lose it. */
  #end(): void {
    if (!this.#run && !this.#ending) return;
    if (this.#record.desired !== "stopped") this.#record = this.#parts.repository.want(this.#record, "stopped");
    this.#endRun();
  }

  #endRun(): void {
    const run = this.#run;
    if (!run) return;
    this.#run = undefined;
    run[Symbol.dispose]();
    const { pid } = run.instance;
    const pids = pid === undefined ? [] : processTree(pid);
    const ending = run.instance.stop();
    if (!ending) return;
    this.#ending = true;
    const over = (next: () => void) => () =>
      this.#background(() => {
        this.#ending = false;
        next();
      });
    void ending.then(
      over(() => {
        this.#proceed();
        this.#checkRelease(pids);
      }),
      (error) => over(() => this.#stuck(`it could not be stopped: ${messageOf(error)}`))(),
    );
  }

  /** Tells if it has not given back what it had. What is started anew has its port with good reason. */
  #checkRelease(pids: readonly number[]): void {
    const { release, repository, onError } = this.#parts;
    const record = this.#record;
    const held = { host: record.host, port: record.port, pids };
    const goOn = () => this.#gone !== "released" && !this.#run && !this.#search;
    void leaks(held, release, goOn)
      .then((found) => {
        if (found.length > 0) repository.leak(record, found);
      })
      .catch(onError);
  }

  /** The run before cannot be ended, so what was to come after it cannot be done. */
  #stuck(reason: string): void {
    if (isLegal(this.#record.status, "fail")) this.#move("fail", { ending: { reason } });
    this.#then = undefined;
    this.#removal?.reject(new ProblemError("unavailable", `${this.#record.deploymentId} stays: ${reason}.`));
    this.#removal = undefined;
  }

  /** Does what is left to do, as soon as nothing runs any more. A failed write is tried again, as it was accepted. */
  #proceed(): void {
    if (this.#ending || this.#gone) return;
    const then = this.#then;
    try {
      if (then === "stop") this.#move("stop");
      if (then === "remove") this.#leave();
      if (then === "launch") this.#launch();
      this.#then = undefined;
    } catch (error) {
      this.#undone(error);
    }
  }

  #leave(): void {
    this.#parts.repository.remove(this.#record, this.#parts.modelSource(this.#record.modelId));
    this.#gone = "removed";
    this.#restarts[Symbol.dispose]();
    this.#parts.onRemoved(this.#record.id);
    this.#removal?.resolve();
  }

  #undone(error: unknown): void {
    if (this.#removal) {
      // Who asked for the removal is told that it failed; what is left of it is the stop.
      this.#removal.reject(error);
      this.#removal = undefined;
      const stopped = this.#record.desired === "stopped" && isLegal(this.#record.status, "stop");
      this.#then = stopped ? "stop" : undefined;
    } else this.#parts.onError(error);
    this.#later(() => this.#proceed());
  }

  /** Starts it on a port that is free, unless somebody else runs it. */
  #launch(): void {
    const { ports, runtimes, onError } = this.#parts;
    if (runtimes.recipe(this.#record.runtime)?.driver === "external") {
      this.#attach("start", true)?.awaitReady();
      return;
    }
    const search = {};
    this.#search = search;
    const found = (result: number | Ending) => this.#background(() => this.#launchOn(search, result));
    ports.find(this.#record).then(found, (error) => {
      onError(error);
      found({ reason: messageOf(error) });
    });
  }

  #launchOn(search: object, found: number | Ending): void {
    if (this.#search !== search) return;
    if (typeof found !== "number") this.#fail(found);
    else {
      if (found !== this.#record.port) this.#record = this.#parts.repository.assignPort(this.#record, found);
      this.#attach("start", true)?.awaitReady();
    }
    this.#search = undefined;
  }

  /** An engine whose port was taken between the look and its start goes to another port, if it may. */
  #moveOn(ending: Ending): boolean {
    const { ports, repository } = this.#parts;
    const { port, portChosen, status } = this.#record;
    if (status !== "deploying" || !portChosen || this.#races >= MAX_RACES || !lostRace(ending)) return false;
    this.#record = repository.assignPort(this.#record, ports.choose(new Set(port === null ? [] : [port])));
    this.#races++;
    this.#endRun();
    this.#then = "launch";
    this.#proceed();
    return true;
  }

  /** Has the driver start or find the deployment; undefined when it cannot, which is then a failure. */
  #attach(how: "start" | "adopt", measured = false): Run | undefined {
    try {
      this.#run = beginRun(how, this.#record, this.#parts, this.#mailbox, this.#listener(measured));
    } catch (error) {
      this.#fail({ reason: messageOf(error) });
    }
    return this.#run;
  }

  #listener(measured: boolean): RunListener {
    return {
      onReady: (readyMs) => {
        this.#move("complete", { readyMs: measured ? readyMs : undefined });
        this.#told = "healthy";
        this.#run?.ready();
      },
      // Shown while it lasts; only the end of a start is stored.
      onWaiting: (reason) => {
        this.#record = { ...this.#record, reason };
      },
      onHealth: (health, reason) => {
        const news = health.status !== "unknown" && health.status !== this.#told;
        this.#record = this.#parts.repository.health(this.#record, health, reason, news);
        if (news) this.#told = health.status;
        if (health.status !== "unhealthy" || !this.#record.check.restart_on_unhealthy) return;
        this.#fail({
          reason: `it is unhealthy: ${reason}`,
          hint: "It was ended, as health.restart_on_unhealthy asks.",
        });
        this.#endRun();
      },
      onOver: (ending) => {
        if (this.#moveOn(ending)) return;
        this.#fail(ending);
        this.#endRun();
      },
    };
  }

  #move(move: Move, details: Omit<MoveDetails, "modelSource"> = {}): void {
    const containerId = this.#run?.instance.containerId;
    const modelSource = this.#parts.modelSource(this.#record.modelId);
    const before = this.#record;
    if (moves[move].to === "deploying") this.#medianMs = this.#parts.repository.medianStart(before);
    this.#record = this.#parts.repository.move(before, move, { containerId, ...details, modelSource });
    if (this.#record.restarts !== before.restarts) this.#restarts.set(this.#record.restarts);
  }

  /** A step nobody waits for: when it fails it is tried again. */
  #background(work: () => void): void {
    this.#mailbox
      .step(() => {
        if (!this.#gone) work();
      })
      .catch((error) => {
        this.#parts.onError(error);
        this.#later(work);
      });
  }

  #later(work: () => void): void {
    this.#retry?.[Symbol.dispose]();
    this.#retry = this.#parts.clock.after(RETRY_MS, () => this.#background(work));
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
