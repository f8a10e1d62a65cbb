import { describe, expect, test } from "bun:test";
import { Activities } from "../../src/activities/activities.ts";
import { keepWithin } from "../../src/activities/retention.ts";
import { createActivity } from "../../src/contract/index.ts";
import { FakeClock } from "../fake-clock.ts";
import { serverProcess } from "../server-process.ts";
import { connectClient, type Payload } from "../socket-client.ts";
import { tempDir } from "../temp-dir.ts";
import { openStore, tempStore } from "../temp-store.ts";

const MINUTE = 60_000;
const DAY = 86_400_000;

function setup(limits: { maxDays?: number; maxCount?: number } = {}) {
  const temp = tempStore();
  const clock = new FakeClock();
  const activities = new Activities({ store: temp.store, clock });
  const stack = new DisposableStack();
  stack.defer(() => temp[Symbol.dispose]());
  const retain = () =>
    stack.use(
      keepWithin({
        store: temp.store,
        index: activities.index,
        clock,
        maxDays: limits.maxDays ?? 365,
        maxCount: limits.maxCount ?? 1_000_000,
        onError: (error) => {
          throw error;
        },
      }),
    );
  const write = (count: number) =>
    temp.store.write((tx) => {
      for (let i = 0; i < count; i++) activities.record(tx, createActivity.parse({ message: `entry ${i}` }));
    });
  const kept = () => ({ oldest: activities.log.oldest?.(), newest: activities.log.newest() });
  return { ...temp, clock, activities, write, kept, retain, [Symbol.dispose]: () => stack.dispose() };
}

describe("retention", () => {
  test("too many: the oldest go, in small transactions, and the search index with them", async () => {
    using t = setup({ maxCount: 1_000 });
    t.write(1_700);
    t.activities.list({ q: "entry", limit: 1 });
    t.retain();
    let commits = 0;
    const write = t.store.write.bind(t.store);
    t.store.write = (work) => {
      commits++;
      return write(work);
    };
    await t.clock.advance(2 * MINUTE);
    expect(t.kept()).toEqual({ oldest: 701, newest: 1_700 });
    expect(commits).toBe(4);
    expect(t.activities.list({ q: "entry 699", limit: 5 }).items).toEqual([]);
    expect(t.activities.list({ q: "entry 700", limit: 5 }).items).toHaveLength(1);
    t.store.statement<[]>("INSERT INTO activity_search (activity_search, rank) VALUES ('integrity-check', 1)").run();
  });

  test("too old: all but the newest, once the clock has shown that it can be believed", async () => {
    using t = setup({ maxDays: 30 });
    t.write(300);
    t.retain();
    await t.clock.advance(9 * MINUTE);
    t.clock.jumpWall(31 * DAY);
    await t.clock.advance(9 * MINUTE);
    expect(t.kept()).toEqual({ oldest: 1, newest: 300 });
    t.clock.jumpWall(-31 * DAY);
    await t.clock.advance(20 * MINUTE);
    expect(t.kept()).toEqual({ oldest: 1, newest: 300 });
    t.clock.jumpWall(31 * DAY);
    await t.clock.advance(12 * MINUTE);
    expect(t.kept()).toEqual({ oldest: 300, newest: 300 });
  });

  test("a page that lacks what was deleted says so; one that could not have had any does not", async () => {
    using t = setup({ maxCount: 1_000 });
    t.write(1_100);
    t.retain();
    await t.clock.advance(2 * MINUTE);
    expect(t.activities.list({ after: "act-7", limit: 5 })).toMatchObject({
      gone_before: "act-101",
      items: [{ id: "act-101" }, {}, {}, {}, {}],
    });
    expect(t.activities.list({ after: "act-100", limit: 5 }).gone_before).toBeNull();
    expect(t.activities.list({ limit: 5 }).gone_before).toBeNull();
    expect(t.activities.list({ before: "act-103", limit: 5 })).toMatchObject({ next: null, gone_before: "act-101" });
  });
});

test("a replay from a deleted entry sends what there is and tells that older ones are gone", async () => {
  using dir = tempDir();
  {
    using store = openStore(dir.path);
    const activities = new Activities({ store, clock: new FakeClock() });
    for (let i = 0; i < 10; i++) activities.create(createActivity.parse({ message: `${i + 1}` }));
    store.write(() => store.statement<[]>("DELETE FROM activities WHERE id <= 6").run());
  }
  await using server = await serverProcess({ dataDir: dir.path });
  using client = await connectClient(server.url, "websocket");
  client.socket.emit("subscribe_activity_stream", { after: "act-2" });
  expect(await client.next("subscribed")).toMatchObject({ seq: 2, gone_before: "act-7" });
  await client.next("activity_stream", (event) => event.data.id === "act-10");
  const ids = client.received
    .filter(({ event }) => event === "activity_stream")
    .map(({ args }) => (args[0] as Payload).data.id);
  expect(ids).toEqual(["act-7", "act-8", "act-9", "act-10"]);
  using other = await connectClient(server.url, "websocket");
  other.socket.emit("subscribe_activity_stream", { after: "act-6" });
  expect(await other.next("subscribed")).not.toHaveProperty("gone_before");
}, 60_000);
