import { describe, expect, test } from "bun:test";
import { Activities } from "../../src/activities/activities.ts";
import { activity, createActivity } from "../../src/contract/index.ts";
import { FakeClock } from "../fake-clock.ts";
import { tempStore } from "../temp-store.ts";

function setup() {
  const temp = tempStore();
  const clock = new FakeClock();
  const activities = new Activities({ store: temp.store, clock });
  const say = (message: string, extra: object = {}) => activities.create(createActivity.parse({ message, ...extra }));
  return { ...temp, clock, activities, say, [Symbol.dispose]: () => temp[Symbol.dispose]() };
}

describe("the history", () => {
  test("an entry is kept as the contract says, numbered in commit order, and told", () => {
    using t = setup();
    const heard: number[] = [];
    t.store.bus.on("activity_stream", (event) => heard.push(event.seq));
    const first = t.say("one", { extra_data: { port: 8000 } });
    expect(activity.parse(first)).toEqual({
      id: "act-1",
      activity_type: "user_operation",
      message: "one",
      severity: "info",
      resource_type: null,
      resource_id: null,
      created_at: "2025-01-01T12:00:00.000Z",
      extra_data: { port: 8000 },
    });
    t.say("two");
    expect(heard).toEqual([1, 2]);
  });

  test("pages go newest first, and from `after` on in order, without gap or overlap", () => {
    using t = setup();
    for (let i = 1; i <= 7; i++) t.say(`${i}`);
    const back = t.activities.list({ limit: 3 });
    expect(back.items.map((a) => a.message)).toEqual(["7", "6", "5"]);
    const older = t.activities.list({ limit: 4, before: back.next ?? "" });
    expect(older).toMatchObject({
      next: null,
      items: [{ id: "act-4" }, { id: "act-3" }, { id: "act-2" }, { id: "act-1" }],
    });
    const forward = t.activities.list({ limit: 2, after: "act-4" });
    expect(forward.items.map((a) => a.message)).toEqual(["5", "6"]);
    expect(t.activities.list({ limit: 2, after: forward.next ?? "" })).toMatchObject({
      next: null,
      items: [{ id: "act-7" }],
    });
  });

  test("filters narrow by type, severity, resource and time", async () => {
    using t = setup();
    t.say("a", { severity: "error", resource_type: "model", resource_id: "x" });
    await t.clock.advance(60_000);
    t.say("b", { activity_type: "download_task", severity: "error", resource_type: "model", resource_id: "y" });
    const messages = (query: object) => t.activities.list({ limit: 10, ...query }).items.map((a) => a.message);
    expect(messages({ severity: "error" })).toEqual(["b", "a"]);
    expect(messages({ activity_type: "download_task" })).toEqual(["b"]);
    expect(messages({ resource_type: "model", resource_id: "x" })).toEqual(["a"]);
    expect(messages({ since: "2025-01-01T12:00:30.000Z" })).toEqual(["b"]);
    expect(messages({ until: "2025-01-01T13:00:30.000+01:00" })).toEqual(["a"]);
    expect(messages({ severity: "critical" })).toEqual([]);
  });

  test("the replay log reads on from any number, and knows its ids", () => {
    using t = setup();
    expect(t.activities.log.newest()).toBe(0);
    for (let i = 1; i <= 5; i++) t.say(`${i}`);
    expect(t.activities.log.newest()).toBe(5);
    expect(t.activities.log.after(2, 2).map((event) => event.seq)).toEqual([3, 4]);
    expect(t.activities.log.after(5, 10)).toEqual([]);
    expect(t.activities.log.seqOf("act-4")).toBe(4);
    for (const id of ["dep-4", "act-", "act-0", "act-x", "4"]) expect(t.activities.log.seqOf(id)).toBeUndefined();
  });
});
