import { describe, expect, test } from "bun:test";
import { every } from "../src/clock.ts";
import { FakeClock } from "./fake-clock.ts";

const fail = (error: unknown) => expect.unreachable(String(error));

describe("every", () => {
  test("ticks on the grid, without drift, until disposed", async () => {
    const clock = new FakeClock();
    const at: number[] = [];
    const timer = every(clock, 2000, () => void at.push(clock.monotonic()), fail);
    await clock.advance(6100);
    timer[Symbol.dispose]();
    await clock.advance(10_000);
    expect(at).toEqual([2000, 4000, 6000]);
    expect(clock.pending).toBe(0);
  });

  test("a tick still running makes the next be skipped, never overlap", async () => {
    const clock = new FakeClock();
    let started = 0;
    let release = () => {};
    using _timer = every(
      clock,
      1000,
      () => {
        started++;
        return new Promise<void>((resolve) => {
          release = resolve;
        });
      },
      fail,
    );
    await clock.advance(3500);
    expect(started).toBe(1);
    release();
    await clock.advance(1000);
    expect(started).toBe(2);
  });

  test("a stall is followed by one tick, not by all that were missed, and the grid stays", async () => {
    const clock = new FakeClock();
    const at: number[] = [];
    using _timer = every(clock, 1000, () => void at.push(clock.monotonic()), fail);
    await clock.advance(1000);
    await clock.stall(5300);
    expect(at).toEqual([1000, 6300]);
    await clock.advance(2000);
    expect(at).toEqual([1000, 6300, 7000, 8000]);
  });

  test("a jump of the wall clock changes nothing", async () => {
    const clock = new FakeClock();
    let ticks = 0;
    using _timer = every(clock, 1000, () => void ticks++, fail);
    clock.jumpWall(-3_600_000);
    await clock.advance(3000);
    clock.jumpWall(7_200_000);
    await clock.advance(3000);
    expect(ticks).toBe(6);
  });

  test("a failing tick is reported and the cadence goes on", async () => {
    const clock = new FakeClock();
    const errors: unknown[] = [];
    let ticks = 0;
    using _timer = every(
      clock,
      1000,
      () => {
        ticks++;
        throw new Error("broken");
      },
      (error) => errors.push(error),
    );
    await clock.advance(3000);
    expect([ticks, errors.length]).toEqual([3, 3]);
  });
});
