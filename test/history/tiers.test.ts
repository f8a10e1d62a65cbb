import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { gridOf } from "../../src/history/chart.ts";
import { chooseTier, RAW_KEEP_MS, tiers } from "../../src/history/tiers.ts";

const NOW = Date.UTC(2025, 5, 1);
const HOUR = 3_600_000;
const raw = { since: NOW - RAW_KEEP_MS, cadenceMs: 2_000 };
const ago = (ms: number, points = 300) => chooseTier({ from: NOW - ms, to: NOW, points }, NOW, raw);

describe("which tier a chart is read from", () => {
  test("the usual ranges", () => {
    expect(ago(5 * 60_000)).toEqual({ tier: undefined, stepMs: 2_000 });
    expect(ago(HOUR)).toMatchObject({ tier: { name: "10s" }, stepMs: 20_000 });
    expect(ago(6 * HOUR)).toMatchObject({ tier: { name: "1m" }, stepMs: 120_000 });
    expect(ago(24 * HOUR)).toMatchObject({ tier: { name: "1m" }, stepMs: 300_000 });
    expect(ago(7 * 24 * HOUR)).toMatchObject({ tier: { name: "10m" }, stepMs: 2_400_000 });
    expect(ago(30 * 24 * HOUR)).toMatchObject({ tier: { name: "1h" }, stepMs: 3 * HOUR });
    expect(ago(10 * 365 * 24 * HOUR)).toMatchObject({ tier: { name: "1h" } });
  });

  test("a server that has just started has no samples of before", () => {
    const young = { ...raw, since: NOW - 10_000 };
    expect(chooseTier({ from: NOW - 300_000, to: NOW, points: 300 }, NOW, young)).toMatchObject({
      tier: { name: "10s" },
    });
  });

  test("no chart has more points than were asked for, but for the two at its ends, and none begins too late", () => {
    const span = fc.record({
      age: fc.integer({ min: 2_000, max: 3 * 365 * 24 * HOUR }),
      length: fc.integer({ min: 1, max: 3 * 365 * 24 * HOUR }),
      points: fc.integer({ min: 2, max: 2_000 }),
      cadenceMs: fc.constantFrom(2_000, 5_000),
      up: fc.integer({ min: 0, max: RAW_KEEP_MS }),
    });
    fc.assert(
      fc.property(span, ({ age, length, points, cadenceMs, up }) => {
        const [from, to] = [NOW - age, NOW - age + length];
        const { tier, stepMs } = chooseTier({ from, to, points }, NOW, { since: NOW - up, cadenceMs });
        const grid = gridOf(from, to, stepMs);
        expect(grid.count).toBeLessThanOrEqual(points + 2);
        expect(grid.first * stepMs).toBeLessThanOrEqual(from);
        expect((grid.first + grid.count) * stepMs).toBeGreaterThanOrEqual(to);
        if (!tier) expect(age).toBeLessThanOrEqual(up);
        else {
          expect(stepMs % tier.stepMs).toBe(0);
          if (tier !== tiers[3]) expect(age).toBeLessThanOrEqual(tier.keepMs);
        }
      }),
    );
  });
});
