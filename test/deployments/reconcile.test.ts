import { expect, test } from "bun:test";
import fc from "fast-check";
import type { DeploymentStatus } from "../../src/contract/index.ts";
import type { Driver, Ending, Instance, Target } from "../../src/deployments/drivers/driver.ts";
import { isLegal, type Move, moves } from "../../src/deployments/lifecycle.ts";
import type { Store } from "../../src/store/store.ts";
import { FakeClock } from "../fake-clock.ts";
import { tempStore } from "../temp-store.ts";
import { FakeDriver, FakeEndpoint, HEALTHY, LOADING, open, REFUSED, type Room } from "./setup.ts";

/** An engine that outlives its server, as real ones do; it ends when it is stopped or crashes. */
interface Engine {
  readonly startedAt: number | null;
  alive: boolean;
  over: (ending: Ending) => void;
}

/** The machine: what runs on it, whichever server has started it, and what must never be seen there. */
class Machine {
  engine: Engine | undefined;
  readonly wrong: string[] = [];
  /** Whether the server that lives has to know what runs. */
  #watched = false;
  /** Stops that have not come to their end yet. */
  readonly #stops: (() => void)[] = [];

  /** A driver as a server has it; what it holds of runs is lost with it. */
  driver(): Driver {
    return {
      ...new FakeDriver().driver,
      start: (target) => this.#start(target),
      adopt: () => this.#follow(this.engine?.alive ? this.engine : undefined),
      sweep: async (keep) => {
        if (this.engine && !keep.has("dep-1")) this.engine.alive = false;
      },
    };
  }

  crash(exitCode: number): void {
    if (!this.engine?.alive) return;
    this.engine.alive = false;
    this.engine.over({ reason: `exit code ${exitCode}`, exitCode });
  }

  /** Lets everything that is being stopped be gone. */
  letStop(): void {
    for (const done of this.#stops.splice(0)) done();
  }

  /** A server was killed: nobody hears of what it began. */
  forget(): void {
    this.#stops.length = 0;
    this.#watched = false;
    if (this.engine) this.engine.over = () => {};
  }

  #start({ startedAt }: Target): Instance {
    if (this.engine?.alive && this.engine.startedAt === startedAt) return this.#follow(this.engine);
    // Of an earlier server it is ended by the driver; one of this server's own the supervisor has to have ended first.
    if (this.engine?.alive && this.#watched) this.wrong.push(`started at ${startedAt} beside one that runs`);
    if (this.engine) this.engine.alive = false;
    this.engine = { startedAt, alive: true, over: () => {} };
    return this.#follow(this.engine);
  }

  #follow(engine: Engine | undefined): Instance {
    const ended = Promise.withResolvers<Ending>();
    if (engine) engine.over = ended.resolve;
    else ended.resolve({ reason: "it is gone" });
    this.#watched = engine !== undefined;
    return {
      ...{ host: "localhost", port: 9, ended: ended.promise, release: () => {} },
      stop: () =>
        new Promise((resolve) => {
          const gone = () => {
            if (engine) engine.alive = false;
            this.#watched = false;
            resolve();
          };
          if (engine?.alive) this.#stops.push(gone);
          else gone();
        }),
    };
  }
}

function server(store: Store, clock: FakeClock, machine: Machine, answer: FakeEndpoint["answer"]): Room {
  const endpoint = new FakeEndpoint();
  endpoint.answer = answer;
  const fake = Object.assign(new FakeDriver(), { driver: machine.driver() });
  return open(store, clock, endpoint, fake);
}

const command = fc.constantFrom("start", "stop", "restart");
const step = fc.oneof(
  { weight: 4, arbitrary: command },
  { weight: 3, arbitrary: fc.constantFrom("crash", "exit 0", "gone", "kill") },
  { weight: 2, arbitrary: fc.constantFrom("answers", "refuses", "loads") },
  { weight: 4, arbitrary: fc.constantFrom(0, 1_000, 6_000, 20_000, 130_000, 400_000) },
);

test("whatever is asked, crashes, hangs and is killed: the last wish comes true, with one engine and a true history", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom("always", "on-failure", "never"),
      fc.array(step, { maxLength: 40 }),
      async (policy, steps) => {
        using temp = tempStore();
        const clock = new FakeClock();
        const machine = new Machine();
        let room = server(temp.store, clock, machine, HEALTHY);
        room.addModel();
        room.deploy({ runtime: "fake", restart_policy: policy });
        let wanted: "running" | "stopped" = "running";
        const settle = async () => {
          for (let i = 0; i < 3; i++) {
            machine.letStop();
            await clock.advance(0);
          }
        };
        for (const each of steps) {
          if (typeof each === "number") await clock.advance(each);
          else if (each === "crash" || each === "exit 0") machine.crash(each === "crash" ? 1 : 0);
          else if (each === "gone") await settle();
          else if (each === "answers") room.endpoint.answer = HEALTHY;
          else if (each === "refuses") room.endpoint.answer = REFUSED;
          else if (each === "loads") room.endpoint.answer = LOADING;
          else if (each === "kill") {
            await room.deployments[Symbol.asyncDispose]();
            machine.forget();
            room = server(temp.store, clock, machine, room.endpoint.answer);
            room.deployments.resume();
          } else {
            const accepted = await room.deployments[each as "start"]("dep-1").then(
              () => true,
              () => false,
            );
            if (accepted) wanted = each === "stop" ? "stopped" : "running";
          }
          await clock.advance(0);
          if (machine.engine?.alive && room.deployments.get("dep-1").status === "stopped") {
            machine.wrong.push("stopped, and an engine runs");
          }
        }
        room.endpoint.answer = HEALTHY;
        await settle();
        await clock.advance(400_000);
        await settle();
        await clock.advance(10_000);
        const { status, next_restart_at } = room.deployments.get("dep-1");
        expect(machine.wrong).toEqual([]);
        expect(room.errors).toEqual([]);
        // Its policy may have left it failed; nobody who always wants it back is left with that.
        const final: DeploymentStatus[] = wanted === "stopped" ? ["stopped"] : ["running", "failed"];
        expect(final).toContain(status);
        if (policy === "always" && wanted === "running") expect(status).toBe("running");
        expect(next_restart_at).toBeNull();
        expect(machine.engine?.alive ?? false).toBe(status === "running");

        let at: DeploymentStatus = "pending";
        for (const event of room.events()) {
          const [move] = Object.entries(moves).find(([, { event: name }]) => name === event.event) ?? [];
          expect(isLegal(at, move as Move)).toBe(true);
          at = event.status;
        }
        expect(at).toBe(status);
        await room.deployments[Symbol.asyncDispose]();
        expect(clock.pending).toBe(0);
      },
    ),
    { numRuns: 60 },
  );
}, 120_000);
