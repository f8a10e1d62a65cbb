import { describe, expect, test } from "bun:test";
import { openCaller } from "../../src/access/known-callers.ts";
import { Activities } from "../../src/activities/activities.ts";
import { createActivity } from "../../src/contract/index.ts";
import { Recovery } from "../../src/realtime/recovery.ts";
import type { EventLog } from "../../src/store/event-log.ts";
import { FakeClock } from "../fake-clock.ts";
import { tempStore } from "../temp-store.ts";

const caller = openCaller({ address: "127.0.0.1", secure: false });
const emptyLog: EventLog = { newest: () => 0, after: () => [], seqOf: () => undefined };

function setup() {
  const temp = tempStore();
  const clock = new FakeClock();
  const activities = new Activities({ store: temp.store, clock });
  const logs = { activity_stream: activities.log, system_alerts: emptyLog, deployment_events: emptyLog };
  const recovery = new Recovery({ logs, clock, keepMs: 120_000 });
  const session = (pid: string, settling = 0) => ({
    sid: `sid-${pid}`,
    pid,
    rooms: ["activity_stream", "model_status"],
    data: { sessionId: "client_x", settling, caller },
  });
  const say = (message: string) => activities.create(createActivity.parse({ message }));
  return { clock, recovery, session, say, [Symbol.dispose]: () => temp[Symbol.dispose]() };
}

describe("a lost connection", () => {
  test("comes back with what it missed, also what is committed until its rooms are joined again", () => {
    using t = setup();
    for (let i = 1; i <= 3; i++) t.say(`${i}`);
    t.recovery.save(t.session("p"));
    const back = t.recovery.take("p", "a1.l0.d0");
    t.say("4");
    const missed = back?.missedPackets.map(([name, envelope]) => [name, (envelope as { seq: number }).seq]);
    expect(missed).toEqual([2, 3, 4].map((seq) => ["activity_stream", seq]));
    expect(back).toMatchObject({
      sid: "sid-p",
      rooms: ["activity_stream", "model_status"],
      data: { sessionId: "client_x" },
    });
  });

  test("comes back once", () => {
    using t = setup();
    t.recovery.save(t.session("p"));
    expect(t.recovery.take("p", "a0.l0.d0")).toBeDefined();
    expect(t.recovery.take("p", "a0.l0.d0")).toBeUndefined();
  });

  test("is forgotten after its time, whatever the wall clock does", async () => {
    using t = setup();
    t.recovery.save(t.session("early"));
    t.clock.jumpWall(86_400_000);
    await t.clock.advance(60_000);
    t.recovery.save(t.session("late"));
    await t.clock.advance(60_001);
    expect(t.recovery.take("early", "a0.l0.d0")).toBeUndefined();
    expect(t.recovery.take("late", "a0.l0.d0")).toBeDefined();
  });

  test("starts anew when it was in the middle of a replay, has missed too much, or makes up its place", () => {
    using t = setup();
    t.recovery.save(t.session("settling", 1));
    expect(t.recovery.take("settling", "a0.l0.d0")).toBeUndefined();
    t.recovery.save(t.session("p"));
    expect(t.recovery.take("p", "somewhere")).toBeUndefined();
    expect(t.recovery.take("nobody", "a0.l0.d0")).toBeUndefined();
    for (let i = 0; i < 1_001; i++) t.say(`${i}`);
    expect(t.recovery.take("p", "a0.l0.d0")).toBeUndefined();
    t.recovery.save(t.session("q"));
    expect(t.recovery.take("q", "a1.l0.d0")?.missedPackets).toHaveLength(1_000);
  });

  test("ten thousand are kept, the oldest give way", () => {
    using t = setup();
    for (let i = 0; i <= 10_000; i++) t.recovery.save(t.session(`p${i}`));
    expect(t.recovery.take("p0", "a0.l0.d0")).toBeUndefined();
    expect(t.recovery.take("p1", "a0.l0.d0")).toBeDefined();
  });
});
