import { describe, expect, test } from "bun:test";
import { historyAnswer } from "../../src/contract/index.ts";
import { DAY, HOUR, historyRig, MINUTE, SECOND } from "./setup.ts";

const known = (values: readonly (number | null)[]) => values.filter((value) => value !== null);

describe("what was measured", () => {
  test("the last minutes are there sample by sample, before anything is written", async () => {
    using t = historyRig();
    let value = 0;
    await t.sample(30 * SECOND, () => value++);
    const answer = historyAnswer.parse(t.last(28 * SECOND));
    expect(answer).toMatchObject({ tier: "raw", step_seconds: 2 });
    const [series] = answer.series;
    expect(series).toMatchObject({ metric: "cpu", unit: "percent" });
    expect(known(series?.avg ?? [])).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14]);
    expect(answer.times).toHaveLength(series?.avg.length ?? 0);
  });

  test("samples that come early or late by half a second make no gaps", async () => {
    using t = historyRig();
    for (let i = 0; i < 200; i++) {
      t.history.record("resources", 2_000, { cpu: 50 });
      await t.clock.advance(2_000 + (i % 2 === 0 ? 500 : -500));
    }
    const [series] = t.last(5 * MINUTE).series;
    expect(series?.avg.slice(2, -2).every((value) => value === 50)).toBe(true);
  });

  test("every tier has average, least, greatest and count, in one transaction a minute", async () => {
    using t = historyRig();
    let commits = 0;
    const write = t.store.write.bind(t.store);
    t.store.write = (work) => {
      commits++;
      return write(work);
    };
    let value = 0;
    await t.sample(HOUR, () => value++ % 5);
    expect(commits).toBe(60);
    expect(t.rows("history_10s")).toHaveLength(360);
    expect(t.rows("history_10s")[7]).toMatchObject({ avg: 2, min: 0, max: 4, count: 5 });
    expect(t.rows("history_1m")).toHaveLength(60);
    expect(t.rows("history_10m")).toHaveLength(6);
    expect(t.rows("history_1h")).toHaveLength(1);
    const [hour] = t.rows("history_1h");
    expect(hour).toMatchObject({ min: 0, max: 4, count: 1800 });
    expect(hour?.avg).toBeCloseTo(2, 9);
  });

  test("a chart has what is in the store and what is not there yet", async () => {
    using t = historyRig();
    await t.sample(30 * MINUTE + 24 * SECOND, 10);
    const answer = t.last(30 * MINUTE, 100);
    expect(answer).toMatchObject({ tier: "10s", step_seconds: 20 });
    const [series] = answer.series;
    expect(series?.avg.every((one) => one === 10)).toBe(true);
    expect(series?.count.slice(1, -1).every((count) => count === 10)).toBe(true);
  });

  test("where nothing was measured there is nothing, not zero and not a line across", async () => {
    using t = historyRig();
    await t.sample(10 * MINUTE, 40);
    await t.clock.stall(10 * MINUTE);
    await t.sample(10 * MINUTE, 60);
    const [series] = t.last(30 * MINUTE, 180).series;
    const average = series?.avg ?? [];
    expect(average.slice(0, 59).every((value) => value === 40)).toBe(true);
    expect(average.slice(62, 118).every((value) => value === null)).toBe(true);
    expect(average.slice(122, 180).every((value) => value === 60)).toBe(true);
    expect(series?.count[90]).toBe(0);
  });

  test("what is not reported leaves a gap of its own", async () => {
    using t = historyRig();
    t.history.record("resources", 2_000, { cpu: null, memory: 5, disk: Number.NaN });
    const answer = t.history.query("resources", {
      metrics: [],
      from: t.clock.now() - MINUTE,
      to: t.clock.now() + 2_000,
      points: 300,
    });
    expect(answer.series.map(({ metric }) => metric)).toEqual(["memory"]);
  });

  test("a name stands for all under it; an unknown one for a series without values", async () => {
    using t = historyRig();
    t.history.record("resources", 2_000, { "network.recv": 1, "network.sent": 2, cpu: 3 });
    const span = { from: t.clock.now() - MINUTE, to: t.clock.now() + 2_000, points: 30 };
    const of = (metrics: string[]) => t.history.query("resources", { metrics, ...span }).series;
    expect(of(["network"]).map(({ metric }) => metric)).toEqual(["network.recv", "network.sent"]);
    expect(of(["gpu"])).toMatchObject([{ metric: "gpu", unit: null }]);
    expect(known(of(["gpu"])[0]?.avg ?? [])).toEqual([]);
  });
});

describe("ends", () => {
  test("an orderly end loses nothing, and the next start says nothing", async () => {
    using t = historyRig();
    await t.sample(90 * SECOND, 10);
    t.restart();
    await t.sample(30 * SECOND, 20);
    t.history.flush();
    expect(t.rows("history_10m")).toMatchObject([{ count: 60, min: 10, max: 20 }]);
    expect(t.rows("history_10s").reduce((sum, { count }) => sum + count, 0)).toBe(60);
    expect(t.logged).toEqual([]);
  });

  test("a crash loses the last minute at most, and the next start says so", async () => {
    using t = historyRig();
    await t.sample(90 * SECOND, 10);
    t.crash();
    expect(t.rows("history_10s").reduce((sum, { count }) => sum + count, 0)).toBe(30);
    expect(t.logged).toEqual([expect.stringContaining("is lost")]);
  });

  test("what cannot be written is kept and written later, once", async () => {
    using t = historyRig();
    const write = t.store.write.bind(t.store);
    let broken = true;
    t.store.write = (work) => {
      if (!broken) return write(work);
      return write((tx) => {
        work(tx);
        throw new Error("the disk is full");
      });
    };
    await t.sample(5 * MINUTE, 10);
    expect(t.rows("history_1m")).toEqual([]);
    expect(t.logged).toHaveLength(1);
    broken = false;
    await t.sample(MINUTE, 10);
    t.history.flush();
    expect(t.rows("history_1m").map(({ count }) => count)).toEqual([30, 30, 30, 30, 30, 30]);
    expect(t.history.rows).toBe(36 + 6 + 1 + 1);
    expect(t.logged).toHaveLength(2);
  });
});

describe("a clock that is set", () => {
  for (const [name, jump] of [
    ["back by half an hour", -30 * MINUTE],
    ["back by three days", -3 * DAY],
    ["forward by half an hour", 30 * MINUTE],
    ["forward by a year", 365 * DAY],
  ] as const) {
    test(`${name}: each sample is counted once, in the bucket of its time, and no bucket is there twice`, async () => {
      using t = historyRig();
      await t.sample(HOUR, 10);
      t.clock.jumpWall(jump);
      await t.sample(8 * MINUTE, 30);
      t.history.flush();
      for (const table of ["history_10s", "history_1m", "history_10m", "history_1h"]) {
        const rows = t.rows(table);
        expect(rows.reduce((sum, { count }) => sum + count, 0)).toBe(2040);
        expect(rows.reduce((sum, { avg, count }) => sum + avg * count, 0)).toBeCloseTo(25_200, 3);
        expect(new Set(rows.map(({ bucket }) => bucket)).size).toBe(rows.length);
        expect(t.history.rows).toBeGreaterThanOrEqual(rows.length);
      }
    });
  }

  test("forward by years and soon back again: nothing is taken for too old", async () => {
    using t = historyRig();
    await t.sample(20 * MINUTE, 10);
    t.clock.jumpWall(5 * 365 * DAY);
    await t.sample(5 * MINUTE, 10);
    t.clock.jumpWall(-5 * 365 * DAY);
    await t.sample(20 * MINUTE, 10);
    t.history.flush();
    expect(t.rows("history_10s").reduce((sum, { count }) => sum + count, 0)).toBe(45 * 30);
  });
});

describe("room", () => {
  test("each tier goes back as far as it should, and no further", async () => {
    using t = historyRig();
    await t.sample(50 * HOUR, 10, 30 * SECOND);
    const reach = (table: string, step: number) => {
      const rows = t.rows(table);
      return (t.clock.now() - (rows[0]?.bucket ?? 0) * step) / HOUR;
    };
    expect(reach("history_10s", 10 * SECOND)).toBeWithin(5.99, 6.1);
    expect(reach("history_1m", MINUTE)).toBeWithin(47.99, 48.1);
    expect(t.rows("history_1h").length).toBeWithin(50, 52);
    // A day is not in the finest tier any more, so the next one answers.
    expect(t.last(24 * HOUR).tier).toBe("1m");
  });

  test("more than may be kept is deleted from its oldest end, a little at a time", async () => {
    using t = historyRig({ maxBytes: 1_000 * 56 });
    let most = 0;
    for (let i = 0; i < 30; i++) {
      await t.sample(10 * MINUTE, 10, 10 * SECOND);
      most = Math.max(most, t.history.bytes);
    }
    expect(t.history.bytes).toBeLessThanOrEqual(1_020 * 56);
    expect(most).toBeLessThanOrEqual(1_100 * 56);
    const newest = t.rows("history_10s").at(-1)?.bucket ?? 0;
    expect(t.clock.now() - newest * 10 * SECOND).toBeLessThan(3 * MINUTE);
  });

  test("a source that is gone is forgotten with its last bucket", async () => {
    using t = historyRig();
    t.history.record("dep-1", 5_000, { up: 1 });
    await t.sample(20 * MINUTE, 10, 10 * SECOND);
    await t.clock.stall(731 * DAY);
    await t.sample(15 * MINUTE, 10, 10 * SECOND);
    const names = t.store.statement<[], { source: string }>("SELECT source FROM history_series").all();
    expect(names).toEqual([{ source: "resources" }]);
    t.crash();
    t.history.record("dep-1", 5_000, { up: 1 });
    t.history.flush();
    expect(t.store.statement<[], unknown>("SELECT * FROM history_series").all()).toHaveLength(2);
  });
});
