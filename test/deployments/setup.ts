import { Activities } from "../../src/activities/activities.ts";
import { BLANK, shippedRecipes } from "../../src/config/shipped-recipes.ts";
import { type CreateDeployment, createDeployment, createModel } from "../../src/contract/index.ts";
import { Deployments } from "../../src/deployments/deployments.ts";
import type { Driver, Ending, Hooks, Instance, Launch } from "../../src/deployments/drivers/driver.ts";
import { external } from "../../src/deployments/drivers/external.ts";
import type { FitCheck } from "../../src/deployments/fit/fit-check.ts";
import type { ProbeFactory, ProbeResult } from "../../src/deployments/probe.ts";
import { Runtimes } from "../../src/deployments/runtimes.ts";
import { Models } from "../../src/models/models.ts";
import type { Store } from "../../src/store/store.ts";
import { FakeClock } from "../fake-clock.ts";

export const HEALTHY: ProbeResult = { outcome: "healthy" };
export const REFUSED: ProbeResult = { outcome: "failed", reason: "connection refused at x", hint: "start it" };
export const LOADING: ProbeResult = { outcome: "loading", reason: "the engine at x is loading its model" };

/** An engine by word: what probes find is what `answer` holds. */
export class FakeEndpoint {
  answer: ProbeResult | "hang" = HEALTHY;
  /** When each probe was made, by port, in monotonic milliseconds. */
  readonly probes: { readonly port: number; readonly at: number }[] = [];

  readonly factory: ProbeFactory = (endpoint, _check, clock) => async (timeoutMs, signal) => {
    this.probes.push({ port: endpoint.port, at: clock.monotonic() });
    if (this.answer !== "hang") return this.answer;
    return await new Promise((resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
      clock.after(timeoutMs, () => resolve({ outcome: "failed", reason: "no answer", hint: "look" }));
    });
  };
}

/** A driver that starts nothing but tells what it was asked; how it stops and ends is up to the test. */
export class FakeDriver {
  readonly calls: string[] = [];
  /** What was to be kept each time the rest was swept. */
  readonly swept: string[][] = [];
  /** How many are alive at a time; more than one would be a double start. */
  alive = 0;
  broken: string | null = null;
  /** Of the runs from now on. */
  pid: number | undefined;
  progress: Instance["progress"];
  hooks: Hooks | undefined;
  /** What the last start was to start. */
  launched: Launch | undefined;
  end: (ending: Ending) => void = () => {};
  stopped = Promise.withResolvers<void>();

  readonly driver: Driver = {
    kind: "process",
    unavailable: () => this.broken,
    check: () => [],
    start: (target, launch, hooks) => {
      this.launched = launch();
      return this.#begin(`start ${target.deploymentId}`, hooks);
    },
    adopt: (target, hooks) => this.#begin(`adopt ${target.deploymentId}`, hooks),
    sweep: async (keep) => void this.swept.push([...keep]),
  };

  #begin(call: string, hooks: Hooks) {
    this.calls.push(call);
    this.alive++;
    this.hooks = hooks;
    const ended = Promise.withResolvers<Ending>();
    const { promise: stopped } = this.stopped;
    let over = false;
    const told = () => this.progress;
    const gone = () => {
      if (!over) this.alive--;
      over = true;
    };
    this.end = (ending) => {
      gone();
      ended.resolve(ending);
    };
    return {
      host: "localhost",
      port: 9,
      containerId: "container-abc",
      pid: this.pid,
      get progress() {
        return told();
      },
      ended: ended.promise,
      stop: async () => {
        this.calls.push("stop");
        await stopped;
        gone();
      },
      release: () => void this.calls.push("release"),
    };
  }
}

/** The shipped recipes, and `fake`, whose processes are `driver`'s. */
export function runtimesOf(driver: Driver): Runtimes {
  return new Runtimes({
    recipes: [
      ...shippedRecipes,
      {
        ...BLANK,
        name: "fake",
        driver: driver.kind,
        description: "for tests",
        command: ["fake"],
        restart_policy: "never",
      },
    ],
    drivers: [external, driver],
    executables: { find: (command) => `/opt/${command}` },
    environment: {},
  });
}

/** The room over `store`, on a clock and an endpoint of the test's. */
export function open(
  store: Store,
  clock = new FakeClock(),
  endpoint = new FakeEndpoint(),
  fake = new FakeDriver(),
  fit?: FitCheck,
) {
  const activities = new Activities({ store, clock });
  const models = new Models({ store, activities, clock });
  const errors: unknown[] = [];
  const deployments = new Deployments({
    store,
    models,
    activities,
    clock,
    log: { error: (_message, { error }) => void errors.push(error) },
    runtimes: runtimesOf(fake.driver),
    probes: endpoint.factory,
    random: () => 0.5,
    ...(fit && { fit }),
    portRange: { first: 20_000, last: 20_009 },
    portListener: async (_host, port) => room.listeners.get(port),
    gpuMemory: async () => room.gpuMemory,
  });
  const room = {
    store,
    clock,
    endpoint,
    fake,
    activities,
    models,
    deployments,
    errors,
    /** Who listens on which port of the machine. */
    listeners: new Map<number, string>(),
    /** GPU memory by process, in bytes. */
    gpuMemory: new Map<number, number>(),
    addModel: (modelId = "llama2-7b") =>
      models.create(createModel.parse({ model_id: modelId, name: "LLaMA2 Chat", model_source: "huggingface" })),
    /** `create` with the contract's defaults; what is external is on port 8000. */
    deploy: (input: Partial<CreateDeployment> | Record<string, unknown> = {}) => {
      const basis = { model_id: "llama2-7b", runtime: "external", ...(input.runtime ? {} : { port: 8000 }) };
      return deployments.create(createDeployment.parse({ ...basis, ...input }));
    },
    events: () => deployments.log.after(0, 1_000).map(({ data }) => data),
    /** Messages of the history, oldest first. */
    history: () =>
      activities
        .list({ limit: 500, resource_type: "deployment" })
        .items.map((entry) => entry.message)
        .reverse(),
  };
  return room;
}

export type Room = ReturnType<typeof open>;
