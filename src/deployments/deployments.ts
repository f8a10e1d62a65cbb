import type { Activities } from "../activities/activities.ts";
import type { Clock } from "../clock.ts";
import {
  type CreateDeployment,
  type Deployment,
  type DeploymentEvent,
  type DeploymentStatus,
  idNumber,
  type Model,
  type ModelStatus,
  ProblemError,
  type Runtime,
} from "../contract/index.ts";
import type { Models } from "../models/models.ts";
import type { EventLog } from "../store/event-log.ts";
import type { Store } from "../store/store.ts";
import { DeploymentActor } from "./actor.ts";
import { deploymentEventLog } from "./deployment-events.ts";
import type { FitCheck } from "./fit/fit-check.ts";
import { StartWarnings } from "./fit/start-warnings.ts";
import type { Command } from "./lifecycle.ts";
import type { DeploymentLogs } from "./logs/logs.ts";
import { ModelSources } from "./model-sources.ts";
import { type PortRange, Ports, type Reservation } from "./ports/ports.ts";
import { httpProbe, type ProbeFactory } from "./probe.ts";
import { modelBytes } from "./recipes/model-bytes.ts";
import { type DeploymentRecord, toDeployment, toStatusEntry, wantedOf } from "./record.ts";
import { DeploymentRepository } from "./repository.ts";
import type { Runtimes } from "./runtimes.ts";

export interface DeploymentQuery {
  readonly after?: string | undefined;
  readonly model_id?: string | undefined;
  readonly status?: DeploymentStatus | undefined;
  readonly limit: number;
}

type Logs = Pick<DeploymentLogs, "remove" | "sweep" | "lastLines">;

export interface DeploymentsParts {
  readonly store: Store;
  readonly models: Pick<Models, "require">;
  readonly activities: Pick<Activities, "record">;
  readonly clock: Clock;
  /** Where failed background steps are reported; a LogTape `Logger`. */
  readonly log: { error(message: string, properties: Record<string, unknown>): void };
  readonly runtimes: Runtimes;
  /** Which goes with the deployments; nothing is kept without. */
  readonly logs?: Logs;
  readonly probes?: ProbeFactory;
  /** Whether models find room before they are started; nothing is said of that without. */
  readonly fit?: FitCheck;
  readonly portRange: PortRange;
  /** Who listens on a port of this machine, in words for people; undefined when nobody does. */
  readonly portListener: (host: string, port: number) => Promise<string | undefined>;
  /** GPU memory of this machine's processes, in bytes by process; empty where it cannot be seen. */
  readonly gpuMemory: () => Promise<ReadonlyMap<number, number>>;
  /** From 0 up to 1; `Math.random` when left out. */
  readonly random?: () => number;
}

/** In these something of a deployment may run; in the others nothing has any business to. */
const ALIVE: ReadonlySet<DeploymentStatus> = new Set(["deploying", "running"]);

/** Every deployment: what is true of each now, and the commands that change it. */
export class Deployments implements AsyncDisposable {
  /** What a replay of `deployment_events` reads. */
  readonly log: EventLog<DeploymentEvent>;
  readonly #models: DeploymentsParts["models"];
  readonly #clock: Clock;
  readonly #log: DeploymentsParts["log"];
  readonly #repository: DeploymentRepository;
  readonly #logs: Logs | undefined;
  readonly #runtimes: Runtimes;
  readonly #sources: ModelSources;
  readonly #ports: Ports;
  readonly #warnings: StartWarnings;
  readonly #newActor: (record: DeploymentRecord) => DeploymentActor;
  /** By number, which is also the order they were added in. */
  readonly #actors = new Map<number, DeploymentActor>();

  /** Knows what is stored; nothing is probed or started before `resume`. */
  constructor(parts: DeploymentsParts) {
    const { store, models, clock, log } = parts;
    this.log = deploymentEventLog(store);
    this.#models = models;
    this.#clock = clock;
    this.#log = log;
    this.#repository = new DeploymentRepository(parts);
    this.#runtimes = parts.runtimes;
    this.#logs = parts.logs;
    this.#sources = new ModelSources(store, models);
    this.#ports = new Ports({
      range: parts.portRange,
      reservations: () => this.#reservations(),
      listener: parts.portListener,
      clock,
    });
    this.#warnings = new StartWarnings({
      check: parts.fit,
      isManaged: (runtime) => this.#runtimes.recipe(runtime) !== undefined && this.#isManaged(runtime),
      model: (modelId) => this.#model(modelId),
      isThere: (record) => this.#actors.has(record.id),
      repository: this.#repository,
      log,
    });
    this.#newActor = (record) =>
      new DeploymentActor(record, {
        repository: this.#repository,
        runtimes: this.#runtimes,
        probes: parts.probes ?? httpProbe,
        ports: this.#ports,
        release: { listener: parts.portListener, gpuMemory: parts.gpuMemory, clock },
        modelBytes,
        clock,
        random: parts.random ?? Math.random,
        modelSource: (modelId) => this.#sources.of(modelId),
        model: (modelId) => models.require(modelId),
        lastLines: () => parts.logs?.lastLines(record.deploymentId) ?? [],
        onRemoved: (id) => {
          this.#actors.delete(id);
          this.#warnings.delete(id);
        },
        onError: (error) =>
          log.error("{deployment_id}: a step failed and is tried again: {error}", {
            deployment_id: record.deploymentId,
            error,
          }),
      });
    for (const record of this.#repository.load()) this.#actors.set(record.id, this.#newActor(record));
  }

  /** Takes up where the server was when it ended, however it ended. Once, at the start. */
  resume(): void {
    const alive = [...this.#actors.values()].filter(({ record }) => ALIVE.has(record.status));
    const keep = new Set(alive.map(({ record }) => record.deploymentId));
    // First, so that it has seen what is there before anything is started.
    this.#runtimes.sweep(keep).catch((error) => {
      this.#log.error("What an earlier run of the server left could not be ended: {error}", { error });
    });
    this.#logs?.sweep(new Set([...this.#actors.values()].map(({ record }) => record.deploymentId)));
    for (const actor of [...this.#actors.values()]) actor.resume();
  }

  /** Deployments in the order they were made, those after `after` first; `next` is null on the last page. */
  list(query: DeploymentQuery): { items: Deployment[]; next: string | null } {
    const after = query.after === undefined ? 0 : (idNumber("dep-", query.after) ?? 0);
    const found: DeploymentActor[] = [];
    for (const actor of this.#actors.values()) {
      const { record } = actor;
      if (record.id <= after) continue;
      if (query.model_id !== undefined && record.modelId !== query.model_id) continue;
      if (query.status !== undefined && record.status !== query.status) continue;
      found.push(actor);
      if (found.length > query.limit) break;
    }
    const items = found.slice(0, query.limit).map((actor) => this.#show(actor));
    return { items, next: found.length > query.limit ? (items.at(-1)?.deployment_id ?? null) : null };
  }

  /** @throws ProblemError `not_found`. */
  get(id: string): Deployment {
    return this.#show(this.#require(id));
  }

  /**
   * Whether a port that `input` asks for can be listened on, which only a look at the machine tells.
   *
   * @throws ProblemError `in_use`, naming who has it.
   */
  async assertPortFree({ runtime, host, port }: CreateDeployment): Promise<void> {
    if (port !== undefined && this.#isManaged(runtime)) await this.#ports.assertFree(host, port);
  }

  /**
   * What speaks against a start of `input`, for `create`; undefined when nothing does. Takes 5 s at most.
   *
   * @throws ProblemError `does_not_fit`, unless `force` is set.
   */
  async assertFits(input: CreateDeployment): Promise<string | undefined> {
    const finding = await this.#warnings.lookAt({ ...wantedOf(input), runtime: input.runtime });
    if (!finding?.never || input.force) return finding?.warning;
    const message = "true starts it in spite of that";
    throw new ProblemError("does_not_fit", `${finding.warning}.`, [{ field: "force", message }]);
  }

  /**
   * Makes a deployment and starts it; `warning` is shown with it.
   *
   * @throws ProblemError `validation_failed` naming each bad field, `runtime_unavailable`, `in_use` for a port that
   *   another deployment has; StorageError.
   */
  create(input: CreateDeployment, warning?: string): Deployment {
    const model = this.#model(input.model_id);
    const recipe = this.#runtimes.require(input.runtime);
    const portChosen = input.port === undefined && this.#isManaged(input.runtime);
    const port = portChosen ? this.#ports.choose() : (input.port ?? null);
    const errors = this.#runtimes.check(input.runtime, { ...wantedOf(input), port }, model);
    const restartPolicy = input.restart_policy ?? recipe.restart_policy;
    if (input.health.restart_on_unhealthy && restartPolicy === "never") {
      const message = "needs a restart_policy other than never, which is what the deployment has";
      errors.push({ field: "health.restart_on_unhealthy", message });
    }
    if (errors.length > 0) {
      const detail = `A deployment of runtime ${input.runtime} cannot be made like this.`;
      throw new ProblemError("validation_failed", detail, errors);
    }
    if (input.port !== undefined && this.#isManaged(input.runtime)) this.#ports.assertNotReserved(input.port);
    const resolved = { name: input.name ?? model.name, restartPolicy, port, portChosen };
    const record = this.#repository.create(input, resolved, warning);
    if (warning !== undefined) this.#warnings.set(record, warning);
    const actor = this.#newActor(record);
    this.#actors.set(record.id, actor);
    // Stored, it will start: if the write of the start fails it stays `pending` and is tried again.
    actor.resume();
    return this.#show(actor);
  }

  /** @throws ProblemError `illegal_transition` unless it is stopped or failed; `runtime_unavailable`, `not_found`. */
  async start(id: string): Promise<Deployment> {
    const { record } = this.#require(id);
    // What runs still would be counted twice: in what is needed, and in what is not free.
    const looked = ALIVE.has(record.status) ? undefined : this.#warnings.lookAt(record);
    const started = this.#command(id, "start");
    // It is started meanwhile, so that a stop which comes next is not overtaken.
    if (looked) void this.#warnings.tellAfter(started, record, looked);
    return started;
  }

  /** @throws ProblemError `illegal_transition` when it is stopped; `not_found`. */
  stop(id: string): Promise<Deployment> {
    return this.#command(id, "stop");
  }

  /** @throws ProblemError `runtime_unavailable`, `not_found`. */
  restart(id: string): Promise<Deployment> {
    return this.#command(id, "restart");
  }

  /** Resolves when it is stopped and gone. @throws ProblemError `not_found`; StorageError. */
  async remove(id: string): Promise<void> {
    await this.#require(id).remove();
    await this.#logs?.remove(id);
  }

  /** The data of `model_status_update`, from memory. */
  status(): ModelStatus {
    const now = this.#clock.now();
    const models = [...this.#actors.values()].map(({ record, seen }) =>
      toStatusEntry(record, seen, this.#sources.of(record.modelId), now),
    );
    const count = (status: DeploymentStatus) => models.filter((entry) => entry.status === status).length;
    return { total_models: models.length, running_models: count("running"), failed_models: count("failed"), models };
  }

  /** What `runtime` of a new deployment can name. */
  runtimes(): Runtime[] {
    return this.#runtimes.list();
  }

  /** Stops probing and lets go of what runs, without stopping it or changing anything in the store. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#warnings[Symbol.dispose]();
    this.#sources[Symbol.dispose]();
    await Promise.all([...this.#actors.values()].map((actor) => actor.release()));
  }

  async #command(id: string, command: Command): Promise<Deployment> {
    const actor = this.#require(id);
    return this.#show(actor, await actor.request(command));
  }

  #show(actor: DeploymentActor, record = actor.record): Deployment {
    const warning = this.#warnings.of(record);
    const source = this.#sources.of(record.modelId);
    return toDeployment(record, actor.instance, warning, actor.seen, source, this.#clock.now());
  }

  #isManaged(runtime: string): boolean {
    return this.#runtimes.recipe(runtime)?.driver !== "external";
  }

  /** What somebody else runs elsewhere takes no port of this machine. */
  *#reservations(): Iterable<Reservation> {
    for (const { record } of this.#actors.values()) {
      const { deploymentId, host, name, port, runtime } = record;
      if (port === null || (!this.#isManaged(runtime) && !isLocal(host))) continue;
      yield { deploymentId, name, port };
    }
  }

  #require(id: string): DeploymentActor {
    const actor = this.#actors.get(idNumber("dep-", id) ?? 0);
    if (!actor) throw new ProblemError("not_found", `There is no deployment ${id}.`);
    return actor;
  }

  #model(modelId: string): Model {
    try {
      return this.#models.require(modelId);
    } catch (error) {
      if (!(error instanceof ProblemError) || error.code !== "not_found") throw error;
      // Not the deployment in the URL is missing, but what a field of the body names.
      throw new ProblemError("validation_failed", error.message, [{ field: "model_id", message: "is not a model" }]);
    }
  }
}

function isLocal(host: string): boolean {
  return host === "localhost" || host === "::1" || host.startsWith("127.");
}
