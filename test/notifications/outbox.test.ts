import { describe, expect, test } from "bun:test";
import { StorageError } from "../../src/store/errors.ts";
import { Rig, refused, TAKEN } from "./rig.ts";

const HOUR = 3_600;

describe("what goes out together", () => {
  test("a new alert waits five seconds, its worsening and its end do not", async () => {
    using rig = new Rig();
    rig.open(1);
    await rig.seconds(4.9);
    expect(rig.told).toEqual([]);
    await rig.seconds(0.1);
    expect(rig.told).toEqual(["opened alert_1 warning"]);
    rig.change(1, "escalated");
    await rig.seconds(0);
    rig.change(1, "resolved");
    await rig.seconds(0);
    expect(rig.told).toEqual(["opened alert_1 warning", "escalated alert_1 critical", "resolved alert_1 info"]);
  });

  test("what is over before anybody heard of it is never told", async () => {
    using rig = new Rig();
    rig.open(1);
    await rig.seconds(3);
    rig.change(1, "resolved");
    await rig.seconds(60);
    expect([rig.told, rig.notifications.queued]).toEqual([[], 0]);
    expect(rig.states).toEqual([
      "opened dropped: over before it was told",
      "resolved dropped: over before it was told",
    ]);
  });

  test("alerts that open within five seconds are one message", async () => {
    using rig = new Rig();
    rig.open(1);
    await rig.seconds(2);
    rig.open(2, "critical");
    await rig.seconds(3);
    expect(rig.told).toEqual(["opened alert_1 warning + opened alert_2 critical"]);
  });

  test("what gets worse while it waits goes out at once, as what it has become", async () => {
    using rig = new Rig();
    rig.open(1);
    await rig.seconds(1);
    rig.change(1, "escalated");
    await rig.seconds(0);
    expect(rig.told).toEqual(["opened alert_1 critical"]);
    await rig.seconds(60);
    expect(rig.told).toHaveLength(1);
  });

  test("a storm is told in one message each half minute", async () => {
    using rig = new Rig();
    for (let i = 1; i <= 12; i++) {
      rig.open(i);
      await rig.seconds(3);
    }
    await rig.seconds(60);
    expect(rig.told.map((line) => line.split(" + ").length)).toEqual([2, 10]);
    expect(rig.attempts.map(({ at }) => (at - rig.clock.now()) / 1_000 + 96)).toEqual([5, 35]);
  });

  test("a critical alert does not wait for the storm to pass", async () => {
    using rig = new Rig();
    for (let i = 1; i <= 4; i++) {
      rig.open(i);
      await rig.seconds(3);
    }
    rig.open(5, "critical");
    await rig.seconds(5);
    expect(rig.told.at(-1)).toContain("opened alert_5 critical");
  });
});

describe("who hears of what", () => {
  test("a channel hears from its severity on: of a worsening as of something new, of an end only if it was told", async () => {
    using rig = new Rig({ min_severity: "critical" });
    rig.open(1);
    await rig.seconds(10);
    rig.change(1, "escalated");
    await rig.seconds(10);
    rig.change(1, "resolved");
    rig.open(2);
    await rig.seconds(10);
    rig.change(2, "resolved");
    await rig.seconds(10);
    expect(rig.told).toEqual(["opened alert_1 critical", "resolved alert_1 info"]);
  });

  test("each channel gets what it asked for", async () => {
    using rig = new Rig({ events: ["opened"] }, { events: ["opened", "deescalated", "resolved", "acknowledged"] });
    rig.open(1, "critical");
    await rig.seconds(10);
    rig.change(1, "deescalated");
    rig.change(1, "acknowledged");
    rig.change(1, "resolved");
    await rig.seconds(10);
    expect(rig.told.filter((line) => !line.startsWith("channel"))).toEqual(["opened alert_1 critical"]);
    expect(rig.told.filter((line) => line.startsWith("channel"))).toEqual([
      "channel-1 opened alert_1 critical",
      "channel-1 deescalated alert_1 warning",
      "channel-1 acknowledged alert_1 warning",
      "channel-1 resolved alert_1 info",
    ]);
  });

  test("what is off hears nothing", async () => {
    using rig = new Rig({ enabled: false });
    rig.open(1, "critical");
    await rig.seconds(60);
    expect([rig.told, rig.states]).toEqual([[], []]);
  });

  test("what only follows from a cause that has its own alert is not told, its end is if its beginning was", async () => {
    using rig = new Rig();
    rig.open(1);
    await rig.seconds(10);
    rig.change(1, "escalated", {}, true);
    rig.change(1, "resolved", {}, true);
    await rig.seconds(10);
    expect(rig.told).toEqual(["opened alert_1 warning", "resolved alert_1 info"]);
  });

  test("an alert that comes back soon is told again only when it is worse, and then its end is", async () => {
    using rig = new Rig();
    rig.open(1);
    await rig.seconds(10);
    rig.change(1, "resolved");
    await rig.seconds(60);
    rig.open(1, "warning", "reopened");
    await rig.seconds(60);
    rig.change(1, "resolved");
    await rig.seconds(60);
    expect(rig.told).toEqual(["opened alert_1 warning", "resolved alert_1 info"]);
    rig.open(1, "critical", "reopened");
    await rig.seconds(60);
    rig.change(1, "resolved");
    await rig.seconds(60);
    expect(rig.told.slice(2)).toEqual(["opened alert_1 critical", "resolved alert_1 info"]);
  });

  test("flapping is one message", async () => {
    using rig = new Rig();
    rig.open(1);
    await rig.seconds(10);
    rig.change(1, "flapping", { flapping: true });
    rig.change(1, "settled", { flapping: false });
    await rig.seconds(10);
    expect(rig.told).toEqual(["opened alert_1 warning", "flapping alert_1 warning"]);
  });
});

describe("a receiver that does not take it", () => {
  test("is asked again after 5 s, 10 s … 15 min, always with the same message, and gets all in order", async () => {
    using rig = new Rig();
    rig.answer = () => refused();
    rig.open(1);
    await rig.seconds(20);
    rig.change(1, "escalated");
    await rig.seconds(20);
    rig.change(1, "resolved");
    await rig.seconds(2 * HOUR);
    const waits = rig.attempts.map(({ at }, i) => (at - (rig.attempts[i - 1]?.at ?? at)) / 1_000);
    expect(waits.slice(1, 12)).toEqual([5, 10, 20, 40, 80, 160, 320, 640, 900, 900, 900]);
    expect(new Set(rig.attempts.map(({ notice }) => notice.id)).size).toBe(1);
    rig.answer = () => TAKEN;
    await rig.seconds(900);
    expect(rig.told).toEqual(["opened alert_1 warning", "escalated alert_1 critical", "resolved alert_1 info"]);
    expect(rig.notifications.queued).toBe(0);
  });

  test("is left alone for as long as it asks", async () => {
    using rig = new Rig();
    rig.answer = () => refused({ status: 429, retryAfterMs: 2 * HOUR * 1_000 });
    rig.open(1);
    await rig.seconds(2 * HOUR);
    expect(rig.attempts).toHaveLength(1);
    await rig.seconds(5);
    expect(rig.attempts).toHaveLength(2);
  });

  test("is given up after a day, visibly; what it was not told the end of, it is not told", async () => {
    using rig = new Rig();
    rig.answer = () => refused();
    rig.open(1);
    await rig.seconds(24 * HOUR - 60);
    expect(rig.states).toEqual(["opened pending: busy"]);
    await rig.seconds(120);
    expect(rig.states).toEqual(["opened dead: busy"]);
    const tried = rig.attempts.length;
    rig.answer = () => TAKEN;
    rig.change(1, "resolved");
    await rig.seconds(2 * HOUR);
    expect([rig.told, rig.attempts.length]).toEqual([[], tried]);
    expect(rig.notifications.channels.require("on-call")).toMatchObject({ queued: 0, last_error: "busy" });
  });

  test("is told that something is wrong when it gets worse, although the beginning was given up", async () => {
    using rig = new Rig();
    rig.answer = () => refused({ status: 400, final: true });
    rig.open(1);
    await rig.seconds(10);
    rig.answer = () => TAKEN;
    rig.change(1, "escalated");
    await rig.seconds(10);
    rig.change(1, "resolved");
    await rig.seconds(10);
    expect(rig.told).toEqual(["opened alert_1 critical", "resolved alert_1 info"]);
  });

  test("and refuses a message for good does not hold up the others", async () => {
    using rig = new Rig();
    rig.answer = (notice) => (notice.entries[0].alert.alert_id === "alert_1" ? refused({ final: true }) : TAKEN);
    rig.open(1);
    await rig.seconds(10);
    rig.open(2);
    await rig.seconds(10);
    expect(rig.told).toEqual(["opened alert_2 warning"]);
    expect(rig.states).toEqual(["opened dead: busy", "opened sent"]);
  });

  test("does not hold up other channels", async () => {
    using rig = new Rig({}, {});
    rig.answer = (_notice, channel) => (channel === "on-call" ? refused() : TAKEN);
    rig.open(1);
    await rig.seconds(10);
    expect(rig.told).toEqual(["channel-1 opened alert_1 warning"]);
  });

  test("is tried at once when a person asks for it, also what was given up", async () => {
    using rig = new Rig();
    rig.answer = () => refused();
    rig.open(1);
    await rig.seconds(10 * 60);
    rig.answer = () => TAKEN;
    const [waiting] = rig.notifications.list({ limit: 1 }).items;
    rig.notifications.retry(waiting?.notification_id ?? "");
    await rig.seconds(0);
    expect(rig.told).toEqual(["opened alert_1 warning"]);
    rig.answer = () => refused({ final: true });
    rig.change(1, "escalated");
    await rig.seconds(0);
    rig.answer = () => TAKEN;
    rig.notifications.retry("ntf-2");
    await rig.seconds(0);
    expect(rig.told).toEqual(["opened alert_1 warning", "escalated alert_1 critical"]);
    expect(() => rig.notifications.retry("ntf-2")).toThrow(expect.objectContaining({ code: "illegal_transition" }));
    expect(() => rig.notifications.retry("ntf-99")).toThrow(expect.objectContaining({ code: "not_found" }));
  });

  test("makes no queue without end: the oldest is dropped", async () => {
    using rig = new Rig({ events: ["opened", "stale", "fresh"] });
    rig.answer = () => refused();
    rig.open(1);
    await rig.seconds(10);
    for (let i = 0; i < 1_010; i++) rig.change(1, i % 2 === 0 ? "stale" : "fresh");
    expect(rig.notifications.queued).toBe(1_000);
    expect(rig.notifications.list({ limit: 500, state: "dropped" }).items[0]?.reason).toBe(
      "more than 1000 were waiting",
    );
  });
});

describe("time", () => {
  test("a clock that is set forward or back an hour neither gives up, nor stalls", async () => {
    using rig = new Rig();
    rig.answer = () => refused();
    rig.open(1);
    await rig.seconds(2);
    rig.clock.jumpWall(-HOUR * 1_000);
    await rig.seconds(3);
    expect(rig.attempts).toHaveLength(1);
    rig.clock.jumpWall(48 * HOUR * 1_000);
    await rig.seconds(15);
    expect([rig.attempts.length, rig.states]).toEqual([3, ["opened pending: busy"]]);
    rig.clock.jumpWall(-48 * HOUR * 1_000);
    rig.answer = () => TAKEN;
    await rig.seconds(20);
    expect(rig.told).toEqual(["opened alert_1 warning"]);
  });
});

describe("reminders", () => {
  const often = { remind_critical_minutes: 60, remind_minutes: 240 };

  test("come each hour for what is critical, every four for the rest, until somebody acknowledges", async () => {
    using rig = new Rig(often);
    rig.open(1, "critical");
    await rig.seconds(60);
    rig.open(2, "warning");
    await rig.seconds(4 * HOUR + 120);
    const counts = () => [1, 2].map((id) => rig.told.filter((line) => line.startsWith(`reminder alert_${id}`)).length);
    expect(counts()).toEqual([4, 1]);
    rig.change(1, "acknowledged");
    await rig.seconds(10 * HOUR);
    expect(counts()).toEqual([4, 3]);
    rig.change(1, "unacknowledged");
    await rig.seconds(HOUR + 60);
    expect(counts()[0]).toBe(5);
    rig.change(1, "resolved");
    rig.change(2, "resolved");
    await rig.seconds(10 * HOUR);
    expect(counts()).toEqual([5, 3]);
  });

  test("begin anew when it gets worse", async () => {
    using rig = new Rig(often);
    rig.open(1);
    await rig.seconds(10);
    rig.change(1, "acknowledged");
    rig.change(1, "escalated");
    await rig.seconds(HOUR + 60);
    expect(rig.told.slice(1)).toEqual(["escalated alert_1 critical", "reminder alert_1 critical"]);
  });

  test("count from when the receiver took the message, and are not heaped up while it does not", async () => {
    using rig = new Rig(often);
    rig.answer = () => refused();
    rig.open(1, "critical");
    await rig.seconds(5 * HOUR);
    rig.answer = () => TAKEN;
    await rig.seconds(15 * 60);
    expect(rig.told).toEqual(["opened alert_1 critical"]);
    rig.answer = () => refused();
    await rig.seconds(6 * HOUR);
    rig.answer = () => TAKEN;
    await rig.seconds(15 * 60);
    expect(rig.told).toEqual(["opened alert_1 critical", "reminder alert_1 critical"]);
  });

  test("that came due while the server was off come once, when it is back", async () => {
    using rig = new Rig(often);
    rig.open(1, "critical");
    await rig.seconds(60);
    rig.restart();
    await rig.clock.stall(5 * HOUR * 1_000);
    rig.restart();
    await rig.seconds(60);
    expect(rig.told).toEqual(["opened alert_1 critical", "reminder alert_1 critical"]);
  });

  test("come for what came back and was not told", async () => {
    using rig = new Rig(often);
    rig.open(1, "critical");
    await rig.seconds(10);
    rig.change(1, "resolved");
    await rig.seconds(60);
    rig.open(1, "critical", "reopened");
    await rig.seconds(HOUR + 60);
    rig.change(1, "resolved");
    await rig.seconds(10);
    expect(rig.told.slice(2)).toEqual(["opened alert_1 critical", "resolved alert_1 info"]);
  });
});

describe("silence", () => {
  test("mutes, and what is still wrong when it ends is told then", async () => {
    using rig = new Rig();
    rig.silenceNext(1);
    rig.open(1);
    rig.change(1, "escalated");
    await rig.seconds(HOUR);
    expect(rig.told).toEqual([]);
    rig.change(1, "unsilenced");
    await rig.seconds(5);
    expect(rig.told).toEqual(["opened alert_1 critical"]);
  });

  test("takes back what still waits, and reminds when it ends of what was told before", async () => {
    using rig = new Rig();
    rig.open(1);
    await rig.seconds(10);
    rig.answer = () => refused();
    rig.change(1, "escalated");
    await rig.seconds(10);
    rig.change(1, "silenced");
    rig.answer = () => TAKEN;
    await rig.seconds(HOUR);
    expect(rig.told).toEqual(["opened alert_1 warning"]);
    rig.change(1, "unsilenced");
    await rig.seconds(5);
    expect(rig.told).toEqual(["opened alert_1 warning", "reminder alert_1 critical"]);
  });

  test("over an end forgets what was told, so that a quick return is told", async () => {
    using rig = new Rig();
    rig.open(1);
    await rig.seconds(10);
    rig.change(1, "silenced");
    rig.change(1, "resolved");
    await rig.seconds(10);
    rig.open(1, "warning", "reopened");
    await rig.seconds(10);
    expect(rig.told).toEqual(["opened alert_1 warning"]);
    rig.change(1, "unsilenced");
    await rig.seconds(10);
    rig.change(1, "resolved");
    await rig.seconds(10);
    expect(rig.told).toEqual(["opened alert_1 warning", "opened alert_1 warning", "resolved alert_1 info"]);
  });
});

describe("a server that ends at any time", () => {
  test("loses nothing that was committed, and keeps to the waits and the name of a message", async () => {
    using rig = new Rig();
    rig.answer = () => refused();
    rig.open(1);
    rig.restart();
    await rig.seconds(5);
    rig.restart();
    await rig.seconds(4);
    expect(rig.attempts).toHaveLength(1);
    await rig.seconds(1);
    rig.restart();
    rig.answer = () => TAKEN;
    await rig.seconds(10);
    expect(rig.told).toEqual(["opened alert_1 warning"]);
    expect(new Set(rig.attempts.map(({ notice }) => notice.id)).size).toBe(1);
    rig.restart();
    await rig.seconds(HOUR);
    expect(rig.told).toHaveLength(1);
  });

  test("and comes back with the channel turned off in its file tells it nothing of before, then or later", async () => {
    using rig = new Rig();
    rig.answer = () => refused();
    rig.open(1);
    await rig.seconds(10);
    rig.answer = () => TAKEN;
    rig.restart({ enabled: false });
    await rig.seconds(60);
    rig.restart({ enabled: true });
    rig.change(1, "resolved");
    await rig.seconds(60);
    expect([rig.told, rig.states]).toEqual([[], ["opened dropped: the channel was turned off"]]);
  });

  test("between the receiver's answer and its record repeats that one message under its name", async () => {
    using rig = new Rig();
    let held = true;
    rig.answer = () => (held ? new Promise(() => {}) : TAKEN);
    rig.open(1);
    await rig.seconds(5);
    held = false;
    rig.restart();
    await rig.seconds(0);
    expect(rig.told).toEqual(["opened alert_1 warning"]);
  });

  test("a disk that is full when a delivery is to be recorded does not repeat it", async () => {
    using rig = new Rig();
    const write = rig.store.write.bind(rig.store);
    rig.answer = () => {
      rig.store.write = () => {
        throw new StorageError("storage_full", "full");
      };
      return TAKEN;
    };
    rig.open(1);
    await rig.seconds(60);
    expect([rig.told, rig.states]).toEqual([["opened alert_1 warning"], ["opened pending"]]);
    rig.store.write = write;
    await rig.seconds(5);
    expect([rig.told, rig.states]).toEqual([["opened alert_1 warning"], ["opened sent"]]);
  });
});
