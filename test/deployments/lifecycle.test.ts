import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { deploymentStatus, ProblemError } from "../../src/contract/index.ts";
import { afterProbe, type Health, UNKNOWN } from "../../src/deployments/health.ts";
import { isLegal, type Move, moves, resumption, transition } from "../../src/deployments/lifecycle.ts";
import { afterLook, beginStart, expiry, remainingMs } from "../../src/deployments/start-deadline.ts";

const everyMove = Object.keys(moves) as Move[];

describe("the life of a deployment", () => {
  test("is the decided one: pending, deploying, running, stopped; failed from deploying or running", () => {
    const reachable = Object.fromEntries(
      deploymentStatus.options.map((from) => [
        from,
        [...new Set(everyMove.filter((move) => isLegal(from, move)).map((move) => moves[move].to))].sort(),
      ]),
    );
    expect(reachable).toEqual({
      pending: ["deploying", "stopped"],
      deploying: ["deploying", "failed", "running", "stopped"],
      running: ["deploying", "failed", "stopped"],
      stopped: ["deploying"],
      failed: ["deploying", "stopped"],
    });
  });

  test("an illegal move is an error that names the status and what is possible", () => {
    expect(() => transition("stopped", "stop")).toThrow(
      new ProblemError("illegal_transition", "Cannot stop a deployment that is stopped; possible: start, restart."),
    );
    expect(() => transition("running", "start")).toThrow("that is running; possible: stop, restart.");
  });

  test("any order of moves stays in the table, and running is only ever reached from deploying", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...everyMove)), (order) => {
        let status = deploymentStatus.parse("pending");
        for (const move of order) {
          if (!isLegal(status, move)) {
            expect(() => transition(status, move)).toThrow(ProblemError);
            continue;
          }
          const next = transition(status, move);
          if (next.to === "running") expect(status).toBe("deploying");
          if (next.to === "failed") expect(["deploying", "running"]).toContain(status);
          status = next.to;
        }
      }),
    );
  });
});

describe("the verdict on health", () => {
  const thresholds = { healthy_threshold: 2, unhealthy_threshold: 3 };
  const after = (probes: boolean[], from: Health = UNKNOWN) =>
    probes.reduce((health, passed) => afterProbe(health, passed, thresholds), from);

  test("needs failures in a row to become unhealthy, and successes in a row to become healthy again", () => {
    expect(after([true]).status).toBe("healthy");
    expect(after([true, false, false]).status).toBe("healthy");
    expect(after([true, false, false, true, false, false]).status).toBe("healthy");
    expect(after([true, false, false, false])).toEqual({ status: "unhealthy", successes: 0, failures: 3 });
    expect(after([false, false]).status).toBe("unknown");
    expect(after([false, false, false, true]).status).toBe("unhealthy");
    expect(after([false, false, false, true, false, true]).status).toBe("unhealthy");
    expect(after([false, false, false, true, true]).status).toBe("healthy");
  });

  test("changes exactly when a run of probes is as long as its threshold", () => {
    fc.assert(
      fc.property(fc.array(fc.boolean()), (probes) => {
        let health = UNKNOWN;
        for (const [at, passed] of probes.entries()) {
          const next = afterProbe(health, passed, thresholds);
          const run = probes.slice(0, at + 1).reverse();
          const length = run.findIndex((other) => other !== passed);
          expect(passed ? next.successes : next.failures).toBe(length === -1 ? run.length : length);
          if (health.status === "healthy" && next.status === "unhealthy") expect(next.failures).toBe(3);
          if (health.status === "unhealthy" && next.status === "healthy") expect(next.successes).toBe(2);
          health = next;
        }
      }),
    );
  });
});

describe("the deadline of a start", () => {
  const limits = { idleMs: 120_000, maxGapMs: 8_000 };
  const looks = (count: number, progressed: (at: number) => boolean, stepMs = 1_000) => {
    let deadline = beginStart(0);
    for (let at = 1; at <= count; at++) deadline = afterLook(deadline, at * stepMs, progressed(at), limits);
    return deadline;
  };

  test("is 120 s without progress", () => {
    expect(
      expiry(
        looks(119, () => false),
        limits,
      ),
    ).toBeUndefined();
    expect(
      remainingMs(
        looks(119, () => false),
        limits,
      ),
    ).toBe(1_000);
    expect(
      expiry(
        looks(120, () => false),
        limits,
      ),
    ).toBe("no progress for 120 s");
  });

  test("moves with progress, up to 30 minutes in all", () => {
    const sometimes = (at: number) => at % 100 === 0;
    expect(expiry(looks(1_799, sometimes), limits)).toBeUndefined();
    expect(expiry(looks(1_800, sometimes), limits)).toBe("not ready after 30 minutes");
  });

  test("does not count time in which the server itself stood still", () => {
    const before = looks(10, () => false);
    const asleep = afterLook(before, 10_000 + 3_600_000, false, limits);
    expect(asleep).toEqual({ seenAt: 3_610_000, sinceProgressMs: 18_000, totalMs: 18_000 });
    expect(afterLook(asleep, 0, false, limits).totalMs).toBe(18_000);
  });
});

test("what a server that starts has to do follows from what is stored", () => {
  const todo = deploymentStatus.options.map((status) => [
    status,
    resumption(status, "running"),
    resumption(status, "stopped"),
  ]);
  expect(todo).toEqual([
    ["pending", "start", "stop"],
    ["deploying", "go on starting", "find and stop"],
    ["running", "watch", "find and stop"],
    ["stopped", "nothing", "nothing"],
    ["failed", "nothing", "nothing"],
  ]);
});
