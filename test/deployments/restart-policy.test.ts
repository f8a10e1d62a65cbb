import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { restartPolicy } from "../../src/contract/index.ts";
import {
  afterFailure,
  afterRestart,
  afterTime,
  fromStored,
  NO_FAILURES,
  type Restarts,
  restartDelayMs,
  toStored,
} from "../../src/deployments/restart-policy.ts";

const NOW = Date.UTC(2025, 0, 1);
const fail = (before: Restarts, random = 0.5) => afterFailure(before, "always", { exitCode: 1 }, NOW, random);
/** Fails, waits its delay out and is restarted. */
const round = (before: Restarts) => {
  const failed = fail(before);
  return afterRestart(afterTime(failed, failed.waitMs ?? 0, false));
};

test("delays are 0, 5, 10, 20 … 300 s, however long it goes on", () => {
  const delays = Array.from({ length: 10 }, (_, step) => restartDelayMs(step, 0.5) / 1_000);
  expect(delays).toEqual([0, 5, 10, 20, 40, 80, 160, 300, 300, 300]);
  expect(restartDelayMs(10_000, 0.5)).toBe(300_000);
});

test("jitter moves a delay by a tenth at most, and never the first", () => {
  const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  fc.assert(
    fc.property(fc.nat(1_000), random, (step, value) => {
      const exact = restartDelayMs(step, 0.5);
      expect(Math.abs(restartDelayMs(step, value) - exact)).toBeLessThanOrEqual(exact / 10 + 1);
    }),
  );
  expect(restartDelayMs(3, 0)).toBe(18_000);
  expect(restartDelayMs(3, 0.999_999)).toBe(22_000);
});

const cases: [policy: string, exitCode: number | null | undefined, restarted: boolean][] = [
  ["always", 0, true],
  ["always", 1, true],
  ["always", undefined, true],
  ["on-failure", 0, false],
  ["on-failure", 1, true],
  ["on-failure", null, true],
  ["on-failure", undefined, true],
  ["never", 0, false],
  ["never", 1, false],
  ["never", undefined, false],
];
test.each(cases)("%s, exit code %p: restarted %p", (policy, exitCode, restarted) => {
  const after = afterFailure(NO_FAILURES, restartPolicy.parse(policy), { exitCode }, NOW, 0.5);
  expect(after.waitMs).toBe(restarted ? 0 : null);
  expect(after.nextAt).toBe(restarted ? NOW : null);
});

describe("a crash loop", () => {
  test("is five failures within ten minutes of awake time", () => {
    let restarts = NO_FAILURES;
    for (let failures = 1; failures <= 4; failures++) restarts = round(restarts);
    expect(restarts).toMatchObject({ crashLoop: false, count: 4, step: 4 });
    expect(fail(restarts)).toMatchObject({ crashLoop: true, waitMs: 40_000 });
    const later = afterTime(restarts, 599_000, false);
    // The first of them is more than ten minutes ago by now.
    expect(fail(later).crashLoop).toBe(false);
  });

  test("goes on while the delays are longer than the window, and ends after five minutes of running", () => {
    let restarts = NO_FAILURES;
    for (let failures = 1; failures <= 12; failures++) restarts = round(restarts);
    expect(restarts.crashLoop).toBe(true);
    expect(afterTime(restarts, 299_999, true).crashLoop).toBe(true);
    const stable = afterTime(afterTime(restarts, 299_999, true), 1, true);
    expect(stable).toEqual({ ...NO_FAILURES, count: 12 });
    expect(fail(stable)).toMatchObject({ waitMs: 0, crashLoop: false });
  });

  test("is none without a policy that restarts", () => {
    let restarts = NO_FAILURES;
    for (let i = 0; i < 8; i++) restarts = afterFailure(restarts, "never", {}, NOW, 0.5);
    expect(restarts.crashLoop).toBe(false);
  });
});

test("running that is interrupted is not stable, however long in all", () => {
  let restarts = round(NO_FAILURES);
  for (let i = 0; i < 5; i++) {
    restarts = afterTime(restarts, 200_000, true);
    restarts = afterTime(restarts, 1_000, false);
  }
  expect(restarts.step).toBe(1);
});

test("what is stored comes back, and a clock that was set neither ends nor lengthens the delay", () => {
  let restarts = NO_FAILURES;
  for (let i = 0; i < 3; i++) restarts = round(restarts);
  const failed = fail(restarts);
  expect(failed.waitMs).toBe(20_000);
  const stored = JSON.parse(JSON.stringify(toStored(failed)));
  const at = (now: number) => fromStored(stored, failed.crashLoop, now);
  expect(at(NOW)).toEqual(failed);
  expect(at(NOW + 5_000)).toMatchObject({ waitMs: 15_000, nextAt: NOW + 20_000 });
  expect(at(NOW - 86_400_000)).toMatchObject({ waitMs: 20_000, nextAt: NOW - 86_400_000 + 20_000 });
  expect(at(NOW + 86_400_000)).toMatchObject({ waitMs: 0 });
  expect(fromStored(null, false, NOW)).toEqual(NO_FAILURES);
});

test("whatever happens, everything stays bounded and a crash loop has had its five failures", () => {
  const happening = fc.oneof(
    fc.constant("fail" as const),
    fc.constant("restart" as const),
    fc.record({ ms: fc.nat(700_000), running: fc.boolean() }),
  );
  fc.assert(
    fc.property(fc.array(happening, { maxLength: 60 }), (happenings) => {
      let restarts = NO_FAILURES;
      let failuresSinceStable = 0;
      for (const each of happenings) {
        if (each === "fail") {
          restarts = fail(restarts);
          failuresSinceStable++;
        } else if (each === "restart") restarts = afterRestart(restarts);
        else restarts = afterTime(restarts, each.ms, each.running);
        if (restarts.step === 0) failuresSinceStable = 0;
        expect(restarts.step).toBe(failuresSinceStable);
        expect(restarts.failures.length).toBeLessThanOrEqual(5);
        if (restarts.crashLoop) expect(failuresSinceStable).toBeGreaterThanOrEqual(5);
        expect(restarts.waitMs ?? 0).toBeLessThanOrEqual(330_000);
        expect(restarts.waitMs === null).toBe(restarts.nextAt === null);
        expect(fromStored(toStored(restarts), restarts.crashLoop, NOW).failures).toEqual(restarts.failures);
      }
    }),
  );
});
