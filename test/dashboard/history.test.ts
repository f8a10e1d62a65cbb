import { describe, expect, test } from "bun:test";
import { addSample, emptyHistory, extent, HISTORY_WINDOW_MS, type History } from "../../src/dashboard/state/history.ts";

const NOON = Date.parse("2025-01-01T12:00:00.000Z");

function filled(samples: number, intervalMs = 2000): History {
  let history = emptyHistory;
  for (let index = 0; index < samples; index += 1)
    history = addSample(history, NOON + index * intervalMs, { cpu: index });
  return history;
}

describe("history", () => {
  test("keeps samples in order and every column as long as the times", () => {
    let history = addSample(emptyHistory, NOON, { cpu: 10 });
    history = addSample(history, NOON + 2000, { cpu: 20, "gpu.0.usage": 5 });
    expect(history.times).toEqual([NOON, NOON + 2000]);
    expect(history.columns).toEqual({ cpu: [10, 20], "gpu.0.usage": [null, 5] });
  });

  test("keeps five minutes and no more, however long it runs", () => {
    const history = filled(1000);
    const newest = history.times.at(-1) ?? 0;
    expect(newest - (history.times[0] ?? 0)).toBe(HISTORY_WINDOW_MS);
    expect(history.times).toHaveLength(151);
    expect(history.columns.cpu).toHaveLength(151);
  });

  test("stays bounded with a server that sends far too fast", () => {
    expect(filled(5000, 10).times).toHaveLength(400);
  });

  test("missing samples are a gap, not a line", () => {
    const history = addSample(filled(2), NOON + 20_000, { cpu: 50 });
    expect(history.columns.cpu).toEqual([0, 1, null, 50]);
    expect(history.times).toEqual([NOON, NOON + 2000, NOON + 11_000, NOON + 20_000]);
  });

  test("a late tick is not a gap", () => {
    expect(addSample(filled(2), NOON + 6000, { cpu: 50 }).columns.cpu).toEqual([0, 1, 50]);
  });

  test("a value that was not reported is a gap of its own column", () => {
    const history = addSample(filled(1), NOON + 2000, { cpu: null, memory: 3 });
    expect(history.columns).toEqual({ cpu: [0, null], memory: [null, 3] });
  });

  test("the same sample twice changes nothing", () => {
    const history = filled(3);
    expect(addSample(history, NOON + 4000, { cpu: 99 })).toBe(history);
  });

  test("a clock that was set back begins anew", () => {
    const history = addSample(filled(3), NOON - 60_000, { cpu: 7 });
    expect(history).toEqual({ times: [NOON - 60_000], columns: { cpu: [7] } });
  });

  test("a device that went away is forgotten with its last value", () => {
    let history = addSample(emptyHistory, NOON, { cpu: 1, "gpu.1.usage": 50 });
    history = addSample(history, NOON + 2000, { cpu: 2 });
    expect(history.columns["gpu.1.usage"]).toEqual([50, null]);
    history = addSample(history, NOON + HISTORY_WINDOW_MS + 1000, { cpu: 3 });
    expect(Object.keys(history.columns)).toEqual(["cpu"]);
  });

  test("extent is of the known values", () => {
    expect(extent([null, 3, 1, null, 2])).toEqual({ least: 1, greatest: 3 });
    expect(extent([null])).toBeUndefined();
  });
});
