import { describe, expect, test } from "bun:test";
import type { HistoryAnswer } from "../../src/contract/index.ts";
import { emptyHistory } from "../../src/dashboard/state/history.ts";
import { lonely, rangeOf, refreshAfter } from "../../src/dashboard/state/recorded.ts";
import { alignedData, drawnNow } from "../../src/dashboard/view/chart-data.ts";

const answer: HistoryAnswer = {
  from: "2025-01-01T12:00:00.000Z",
  to: "2025-01-01T13:00:00.000Z",
  tier: "10s",
  step_seconds: 20,
  times: [1_000, 21_000, 41_000],
  series: [
    { metric: "cpu", unit: "percent", avg: [10, null, 30], min: [5, null, 25], max: [15, null, 35], count: [2, 0, 2] },
    { metric: "gpu.GPU-1.usage", unit: "percent", avg: [1, 2, 3], min: [1, 2, 3], max: [1, 2, 3], count: [1, 1, 1] },
  ],
};
const shown = { kind: "shown", answer } as const;
const hour = rangeOf("1h");

describe("a recorded range", () => {
  test("is drawn over all of its time, with its gaps, and a band for the first line", () => {
    const drawn = drawnNow(emptyHistory, shown, hour, [{ column: "cpu", name: "usage" }]);
    expect(drawn.span).toEqual({ from: Date.parse(answer.from), to: Date.parse(answer.to) });
    expect(alignedData(drawn)).toEqual([
      [1, 21, 41],
      [10, null, 30],
      [15, null, 35],
      [5, null, 25],
    ]);
  });

  test("of what goes by another name there is found by that; of what was never measured nothing", () => {
    const lines = [
      { column: "gpu.0.usage", metric: "gpu.GPU-1.usage", name: "usage" },
      { column: "gpu.0.memory", metric: "gpu.GPU-1.memory", name: "memory" },
    ];
    expect(drawnNow(emptyHistory, shown, hour, lines).lines).toEqual([
      [1, 2, 3],
      [null, null, null],
    ]);
  });

  test("that is not there yet draws nothing, and live is the last five minutes without a band", () => {
    const lines = [{ column: "cpu", name: "usage" }];
    expect(drawnNow(emptyHistory, { kind: "loading" }, hour, lines)).toMatchObject({ times: [], lines: [[]] });
    const live = { times: [1, 2], columns: { cpu: [7, 8] } };
    expect(drawnNow(live, { kind: "live" }, rangeOf("live"), lines)).toEqual({
      times: [1, 2],
      lines: [[7, 8]],
      band: undefined,
      span: { from: 2 - 300_000, to: 2 },
    });
  });

  test("shows values that stand alone as points", () => {
    expect(lonely([1, null, 2, 3, null, 4])).toEqual([0, 5]);
    expect(lonely([null, 5, undefined])).toEqual([1]);
    expect(lonely([])).toEqual([]);
  });

  test("is read again when its newest value has changed, neither all the time nor hardly ever", () => {
    expect(refreshAfter(answer)).toBe(20_000);
    expect(refreshAfter({ ...answer, step_seconds: 2 })).toBe(10_000);
    expect(refreshAfter({ ...answer, step_seconds: 10_800 })).toBe(300_000);
  });
});
