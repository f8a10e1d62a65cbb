import { describe, expect, test } from "bun:test";
import { Server } from "socket.io";
import { Activities } from "../../src/activities/activities.ts";
import { createActivity, type ModelStatus } from "../../src/contract/index.ts";
import type { Io } from "../../src/realtime/io.ts";
import { OFFSET_ROOM, Publisher } from "../../src/realtime/publisher.ts";
import { stateStreams } from "../../src/realtime/state-streams.ts";
import type { ResourceFrame, Resources } from "../../src/resources/sampler.ts";
import type { EventLog } from "../../src/store/event-log.ts";
import { FakeClock } from "../fake-clock.ts";
import { tempStore } from "../temp-store.ts";

const emptyLog: EventLog = { newest: () => 0, after: () => [], seqOf: () => undefined };
const noModels: ModelStatus = { total_models: 0, running_models: 0, failed_models: 0, models: [] };

/** Resources that are watched or not, and never tick by themselves. */
function idleResources(): Resources & { watchers: number } {
  const resources = {
    watchers: 0,
    active: false,
    latest: (): ResourceFrame | null => null,
    sample: () => Promise.reject(new Error("nobody asked")),
    watch() {
      resources.watchers++;
      return { [Symbol.dispose]: () => void resources.watchers-- };
    },
  };
  return resources;
}

function setup() {
  const temp = tempStore();
  const clock = new FakeClock();
  const activities = new Activities({ store: temp.store, clock });
  const io: Io = new Server();
  const resources = idleResources();
  let asked = 0;
  const modelStatus = () => {
    asked++;
    return noModels;
  };
  const states = stateStreams({ resources, modelStatus, clock, onError: (error) => expect.unreachable(String(error)) });
  const logs = { activity_stream: activities.log, system_alerts: emptyLog, deployment_events: emptyLog };
  const publisher = new Publisher({ io, bus: temp.store.bus, logs, states, clock, recovery: true });
  const sent: { rooms: string[]; packet: unknown[] }[] = [];
  const adapter = io.of("/").adapter;
  adapter.broadcast = (packet: { data: unknown[] }, options: { rooms: Set<string> }) =>
    void sent.push({ rooms: [...options.rooms], packet: packet.data });
  return {
    clock,
    resources,
    publisher,
    sent,
    statusAsked: () => asked,
    say: (message: string) => activities.create(createActivity.parse({ message })),
    join: (sid: string, room: string) => adapter.addAll(sid, new Set([room])),
    leave: (sid: string) => adapter.delAll(sid),
    [Symbol.dispose]() {
      publisher[Symbol.dispose]();
      temp[Symbol.dispose]();
    },
  };
}

describe("state streams", () => {
  test("run from the first member to the last, and cost nothing before and after", async () => {
    using t = setup();
    await t.clock.advance(60_000);
    expect([t.statusAsked(), t.resources.watchers, t.clock.pending]).toEqual([0, 0, 0]);

    t.join("a", "model_status");
    t.join("b", "model_status");
    t.join("b", "system_resources");
    await t.clock.advance(10_000);
    expect([t.statusAsked(), t.resources.watchers]).toEqual([2, 1]);
    t.leave("a");
    await t.clock.advance(5_000);
    expect(t.statusAsked()).toBe(3);
    t.leave("b");
    await t.clock.advance(60_000);
    expect([t.statusAsked(), t.resources.watchers, t.clock.pending]).toEqual([3, 0, 0]);
  });

  test("are sampled and sent once, however many watch, 5 s apart without drift", async () => {
    using t = setup();
    for (const sid of ["a", "b", "c"]) t.join(sid, "model_status");
    await t.clock.advance(15_000);
    expect(t.sent.map((entry) => entry.rooms)).toEqual([["model_status"], ["model_status"], ["model_status"]]);
    expect(t.sent.map((entry) => entry.packet[1])).toEqual(
      ["05", "10", "15"].map((second) => ({
        event_type: "model_status_update",
        timestamp: `2025-01-01T12:00:${second}.000Z`,
        data: noModels,
      })),
    );
  });

  test("stop with the publisher", async () => {
    using t = setup();
    t.join("a", "model_status");
    t.join("a", "system_resources");
    t.publisher[Symbol.dispose]();
    await t.clock.advance(60_000);
    expect([t.statusAsked(), t.resources.watchers, t.clock.pending]).toEqual([0, 0, 0]);
  });
});

describe("event streams", () => {
  test("a write is in its room with its number at once, followed by the offset", async () => {
    using t = setup();
    t.say("one");
    expect(t.sent).toMatchObject([{ rooms: ["activity_stream"], packet: ["activity_stream", { seq: 1 }] }]);
    await t.clock.advance(0);
    expect(t.sent[1]).toEqual({ rooms: [OFFSET_ROOM], packet: ["recovery_offset", "a1.l0.d0"] });
  });

  test("a storm gathers its offsets, the last of them right", async () => {
    using t = setup();
    for (let i = 0; i < 100; i++) {
      t.say(`${i}`);
      await t.clock.advance(1);
    }
    await t.clock.advance(100);
    const offsets = t.sent.filter((entry) => entry.packet[0] === "recovery_offset");
    expect(offsets.length).toBeLessThanOrEqual(7);
    expect(offsets.at(-1)?.packet[1]).toBe("a100.l0.d0");
    expect(t.clock.pending).toBe(0);
  });
});
