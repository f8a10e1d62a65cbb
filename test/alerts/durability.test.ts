import { describe, expect, test } from "bun:test";
import { sql } from "drizzle-orm";
import fc from "fast-check";
import { activities, alertEvents, alerts } from "../../db/schema.ts";
import { createActivity } from "../../src/contract/index.ts";
import { FakeEndpoint, HEALTHY, open, REFUSED } from "../deployments/setup.ts";
import { Rig } from "./rig.ts";

/** Leaves the database no page to grow by, and no room in those it has; disposing gives it its disk back. */
function fillDisk(rig: Rig): Disposable {
  const { db } = rig.store;
  const { page_count: pages } = db.get<{ page_count: number }>(sql`PRAGMA page_count`);
  db.get(sql.raw(`PRAGMA max_page_count = ${pages + 1}`));
  const { activities: history } = open(rig.store, rig.clock);
  const filler = createActivity.parse({ message: "x" });
  expect(() => {
    for (;;) history.create(filler);
  }).toThrow("The disk of the data directory is full");
  return { [Symbol.dispose]: () => void db.get(sql`PRAGMA max_page_count = 1073741823`) };
}

describe("over a restart", () => {
  test("what is open stays open, is not told again, and is resolved by the first sample below", async () => {
    using rig = new Rig();
    await rig.sample({ memory: 95, disk: 85 });
    rig.restart();
    await rig.samples(3, { memory: 95, disk: 85 });
    await rig.sample({ memory: 50, disk: 85 });
    rig.restart();
    await rig.sample({ memory: 50, disk: 95 });
    expect(rig.story).toEqual([
      "alert_1 firing critical 95",
      "alert_2 firing warning 85",
      "alert_1 resolved info 50",
      "alert_2 firing critical 95",
    ]);
    expect(rig.pushed.map(({ seq }) => seq)).toEqual([1, 2, 3, 4]);
  });

  const values = fc.constantFrom(50, 50, 76, 82, 88, 95, 95, null);
  const runs = fc.array(fc.record({ memory: values, count: fc.integer({ min: 1, max: 8 }), cut: fc.boolean() }), {
    minLength: 5,
    maxLength: 25,
  });

  /** Feeds both the same, with a pause at each cut, which is a restart for one of them. */
  async function compared(
    samples: readonly { memory: number | null; count: number; cut: boolean }[],
    restart: (rig: Rig) => void,
  ) {
    using cut = new Rig();
    using whole = new Rig();
    for (const { memory, count, cut: here } of samples) {
      if (here) {
        restart(cut);
        for (const rig of [cut, whole]) await rig.clock.stall(20_000);
      }
      await cut.samples(count, { memory });
      await whole.samples(count, { memory });
    }
    expect(cut.pushed).toEqual(whole.pushed);
    expect(cut.heard).toEqual(whole.heard);
    return whole.pushed.length;
  }

  test("whenever it comes, the story is the one without it", async () => {
    let told = 0;
    const property = fc.asyncProperty(runs, async (samples) => {
      told += await compared(samples, (rig) => rig.restart());
    });
    await fc.assert(property, { numRuns: 10 });
    expect(told).toBeGreaterThan(0);
  });

  test("a kill at each change tells nothing twice and leaves nothing out", async () => {
    const property = fc.asyncProperty(fc.array(values, { minLength: 5, maxLength: 25 }), async (samples) => {
      using cut = new Rig();
      using whole = new Rig();
      for (const memory of samples.flatMap((one) => Array(6).fill(one))) {
        const before = whole.pushed.length;
        for (const rig of [cut, whole]) await rig.sample({ memory });
        if (whole.pushed.length === before) continue;
        cut.kill();
        for (const rig of [cut, whole]) await rig.clock.stall(20_000);
      }
      expect(cut.pushed).toEqual(whole.pushed);
      expect(cut.heard.map(({ kind, seq }) => [kind, seq])).toEqual(whole.heard.map(({ kind, seq }) => [kind, seq]));
    });
    await fc.assert(property, { numRuns: 10 });
  });

  test("a kill at any sample leaves one story, at most one open, and the truth as soon as there is a sample", async () => {
    const sample = fc.record({ memory: values, kill: fc.boolean() });
    const property = fc.asyncProperty(fc.array(sample, { minLength: 5, maxLength: 60 }), async (samples) => {
      using rig = new Rig();
      for (const { memory, kill } of samples) {
        await rig.sample({ memory });
        if (kill) rig.kill();
        const open = rig.store.db.select().from(alerts).where(sql`resolved_at is null`).all();
        expect(open.length).toBeLessThanOrEqual(1);
        if (memory !== null && memory >= 90) expect(open[0]?.severity).toBe("critical");
      }
      const told = rig.pushed.map(({ data }) => `${data.state} ${data.severity} ${data.stale} ${data.flapping}`);
      told.forEach((one, i) => {
        expect(one).not.toBe(told[i - 1]);
      });
      expect(rig.pushed.map(({ seq }) => seq)).toEqual(rig.pushed.map((_, i) => i + 1));
    });
    await fc.assert(property, { numRuns: 15 });
  });

  test("what a rule waits for goes on where it was, a killed server's by ten seconds less", async () => {
    using rig = new Rig();
    const busy = { gpus: [{ usage_percent: 95 }] };
    await rig.samples(100, busy);
    rig.restart();
    // One to go on from, and what is left of 150 intervals.
    await rig.samples(51, busy);
    expect(rig.pushed).toEqual([]);
    await rig.sample(busy);
    expect(rig.story).toEqual(["alert_1 firing critical 95"]);
    await rig.samples(5, {});
    await rig.samples(151, { cpu: 10 });
    await rig.samples(5, { cpu: 95 });
    rig.kill();
    await rig.samples(7, { cpu: 95 });
    expect(rig.story.at(-1)).toBe("alert_2 firing critical 95");
  });

  test("a deployment that is still unhealthy is not told of again, and a healthy one is resolved", async () => {
    using rig = new Rig();
    const before = open(rig.store, rig.clock);
    before.addModel();
    before.deploy();
    await rig.clock.advance(0);
    before.endpoint.answer = REFUSED;
    await rig.clock.advance(20_000);
    await before.deployments[Symbol.asyncDispose]();
    rig.restart();
    const endpoint = new FakeEndpoint();
    endpoint.answer = REFUSED;
    const after = open(rig.store, rig.clock, endpoint);
    after.deployments.resume();
    await rig.clock.advance(60_000);
    expect(rig.story).toEqual(["alert_1 firing error 3"]);
    endpoint.answer = HEALTHY;
    await rig.clock.advance(5_000);
    expect(rig.story).toEqual(["alert_1 firing error 3", "alert_1 resolved info 0"]);
    await after.deployments[Symbol.asyncDispose]();
  });

  test("what was stopped or removed while nobody watched is resolved at the start", async () => {
    using rig = new Rig();
    const before = open(rig.store, rig.clock);
    before.addModel();
    before.deploy();
    before.deploy({ port: 8001 });
    await rig.clock.advance(0);
    before.endpoint.answer = REFUSED;
    await rig.clock.advance(30_000);
    rig.alerts[Symbol.dispose]();
    await before.deployments.stop("dep-1");
    await before.deployments.remove("dep-2");
    await rig.clock.advance(0);
    await before.deployments[Symbol.asyncDispose]();
    expect(rig.story).toHaveLength(2);
    rig.restart();
    expect(rig.alerts.list({ limit: 5, state: "firing" }).items).toEqual([]);
    const messages = rig.alerts.list({ limit: 5 }).items.map(({ message }) => message);
    expect(messages.sort()).toEqual(["Deployment dep-1 was stopped", "Deployment dep-2 was removed"]);
  });
});

test("a quiet machine writes nothing, a busy one at most once in ten seconds beside what it tells", async () => {
  using rig = new Rig();
  const changes = () => rig.store.db.get<{ n: number }>(sql`SELECT total_changes() AS n`).n;
  const before = changes();
  await rig.samples(900, {});
  expect(changes()).toBe(before);
  // Every other sample begins a wait, and ends it.
  let rounds = 0;
  for (let i = 0, last = before; i < 150; i++) {
    await rig.samples(2, { cpu: i % 2 ? 95 : 10 });
    if (changes() !== last) rounds++;
    last = changes();
  }
  expect(rig.pushed).toEqual([]);
  expect(rounds).toBeGreaterThan(10);
  expect(rounds).toBeLessThanOrEqual(60);
});

describe("on a full disk", () => {
  test("nothing is pushed that is not stored, the server lives on, and the alert comes once there is room", async () => {
    using rig = new Rig();
    // The one at the time of the outage, so that both an opening and a resolution have to wait.
    await rig.sample({ disk: 95 });
    {
      using _full = fillDisk(rig);
      const { length: before } = rig.store.db.select().from(activities).all();
      // Longer than what counts as a gap in the samples, and with a value in between.
      await rig.samples(10, { memory: 85, disk: 50 });
      await rig.samples(10, { memory: 95, disk: 50 });
      expect(rig.story).toEqual(["alert_1 firing critical 95"]);
      expect(rig.store.db.select().from(alerts).all()).toHaveLength(1);
      expect(rig.store.db.select().from(alertEvents).all()).toHaveLength(1);
      expect(rig.store.db.select().from(activities).all()).toHaveLength(before);
      expect(rig.logged).toEqual(["error: An alert could not be written and is tried again with each sample: {error}"]);
    }
    await rig.samples(3, { memory: 95, disk: 50 });
    expect(rig.story).toEqual(["alert_1 firing critical 95", "alert_2 firing critical 95", "alert_1 resolved info 50"]);
    expect(rig.logged).toHaveLength(2);
    expect(rig.logged.at(-1)).toBe("info: Alerts can be written again");
  });

  test("an alert that is over before there is room was never there", async () => {
    using rig = new Rig();
    {
      using _full = fillDisk(rig);
      await rig.samples(5, { memory: 95 });
      expect(rig.logged).toHaveLength(1);
    }
    await rig.samples(5, { memory: 50 });
    expect(rig.pushed).toEqual([]);
  });

  test("a rule that waits is not made to wait again", async () => {
    using rig = new Rig();
    {
      using _full = fillDisk(rig);
      await rig.samples(100, { cpu: 95 });
      expect(rig.pushed).toEqual([]);
      expect(rig.logged).toHaveLength(1);
    }
    await rig.sample({ cpu: 95 });
    expect(rig.story).toEqual(["alert_1 firing critical 95"]);
  });

  test("the recovery of a deployment, told once, is not lost", async () => {
    using rig = new Rig();
    const room = open(rig.store, rig.clock);
    room.addModel();
    room.deploy();
    await rig.clock.advance(0);
    room.endpoint.answer = REFUSED;
    await rig.clock.advance(20_000);
    // Only the alert's own tables are out of reach: the deployment's recovery is stored, and nobody tells of it again.
    rig.store.db.run(sql`
      CREATE TRIGGER full BEFORE INSERT ON alert_events BEGIN SELECT RAISE(FAIL, 'no room'); END
    `);
    room.endpoint.answer = HEALTHY;
    await rig.clock.advance(30_000);
    expect(room.deployments.get("dep-1").health_status).toBe("healthy");
    await rig.samples(2, {});
    expect(rig.story).toEqual(["alert_1 firing error 3"]);
    rig.store.db.run(sql`DROP TRIGGER full`);
    await rig.sample({});
    expect(rig.story).toEqual(["alert_1 firing error 3", "alert_1 resolved info 0"]);
    await room.deployments[Symbol.asyncDispose]();
  });
});

describe("who tells people", () => {
  test("hears each change inside its transaction, with what was before and the number of the push", async () => {
    using rig = new Rig();
    for (const memory of [85, 95, 86, 50]) await rig.sample({ memory });
    expect(rig.heard.map(({ kind, key, seq, previous }) => [kind, key, seq, previous?.severity])).toEqual([
      ["opened", "memory", 1, undefined],
      ["escalated", "memory", 2, "warning"],
      ["resolved", "memory", 3, "critical"],
    ]);
    expect(rig.heard.map(({ incident }) => incident)).toEqual(rig.pushed.map(({ data }) => data));
  });

  test("writes what is committed with the change or not at all", async () => {
    using rig = new Rig();
    const note = { resourceType: null, resourceId: null, extraData: {}, createdAt: 0 };
    rig.onIncident = (tx) => {
      tx.db
        .insert(activities)
        .values({ activityType: "user_operation", message: "in the outbox", severity: "info", ...note })
        .run();
      if (rig.heard.length < 3) throw new Error("no room");
    };
    await rig.samples(2, { memory: 95 });
    expect([rig.pushed, rig.store.db.select().from(activities).all()]).toEqual([[], []]);
    await rig.sample({ memory: 95 });
    expect(rig.story).toEqual(["alert_1 firing critical 95"]);
    const messages = rig.store.db
      .select()
      .from(activities)
      .all()
      .map(({ message }) => message);
    expect(messages).toEqual(["Memory usage reached 95.0%", "in the outbox"]);
  });
});
