import { describe, expect, test } from "bun:test";
import { OpenAPIHono } from "@hono/zod-openapi";
import { pruneAlerts } from "../../src/alerts/history.ts";
import { mountAlerts } from "../../src/alerts/routes.ts";
import { ProblemError } from "../../src/contract/index.ts";
import { Rig } from "./rig.ts";

describe("an alert about a resource", () => {
  test("says what the events document says, with the first sample above the threshold", async () => {
    using rig = new Rig();
    await rig.sample({ memory: 79.9 });
    expect(rig.pushed).toEqual([]);
    await rig.sample({ memory: 85.2 });
    const now = "2025-01-01T12:00:04.000Z";
    const data = {
      alert_id: "alert_1",
      type: "memory_threshold" as const,
      category: "resource_threshold" as const,
      severity: "warning" as const,
      title: "High Memory Usage",
      message: "Memory usage reached 85.2%",
      resource: { type: "memory", current_value: 85.2, threshold: 80, unit: "%" },
      actions: ["check_processes" as const, "restart_services" as const],
      auto_resolve: true,
      state: "firing" as const,
      created_at: now,
      updated_at: now,
      resolved_at: null,
      key: "memory",
      rule: "memory" as const,
      opened_at: now,
      opened_value: 85.2,
      peak_value: 85.2,
      for_seconds: 0,
      reopened: 0,
      flapping: false,
      stale: false,
      silenced: false,
      resolution: null,
    };
    expect(rig.pushed).toEqual([{ seq: 1, timestamp: now, data }]);
    expect(rig.alerts.get("alert_1")).toEqual(data);
  });

  test("keeps its id from the warning over the escalation to the resolution", async () => {
    using rig = new Rig();
    for (const disk of [82, 93, 84, 50]) await rig.sample({ disk });
    expect(rig.pushed.map(({ data }) => [data.alert_id, data.state, data.severity, data.title, data.message])).toEqual([
      ["alert_1", "firing", "warning", "High Disk Usage", "Disk usage reached 82.0%"],
      ["alert_1", "firing", "critical", "Critical Disk Usage", "Disk usage reached 93.0%"],
      ["alert_1", "firing", "warning", "High Disk Usage", "Disk usage fell to 84.0%"],
      ["alert_1", "resolved", "info", "Disk Usage Resolved", "Disk usage is back to 50.0%"],
    ]);
    expect(rig.pushed.map(({ data }) => data.resource.threshold)).toEqual([80, 90, 80, 80]);
    expect(rig.alerts.get("alert_1")).toMatchObject({
      created_at: "2025-01-01T12:00:02.000Z",
      updated_at: "2025-01-01T12:00:08.000Z",
      resolved_at: "2025-01-01T12:00:08.000Z",
    });
  });

  test("is the same one when it comes back within five minutes, and later a new one", async () => {
    using rig = new Rig();
    await rig.sample({ memory: 85 });
    await rig.sample({ memory: 50 });
    await rig.sample({ memory: 95 });
    expect(rig.pushed.at(-1)?.data).toMatchObject({
      alert_id: "alert_1",
      created_at: "2025-01-01T12:00:02.000Z",
      opened_at: "2025-01-01T12:00:06.000Z",
      opened_value: 95,
      reopened: 1,
      resolution: null,
      resolved_at: null,
    });
    // Longer than openings and ends count towards flapping.
    await rig.samples(700, { memory: 95 });
    await rig.samples(200, { memory: 50 });
    await rig.sample({ memory: 95 });
    expect(rig.story).toEqual([
      "alert_1 firing warning 85",
      "alert_1 resolved info 50",
      "alert_1 firing critical 95",
      "alert_1 resolved info 50",
      "alert_2 firing critical 95",
    ]);
    expect(rig.heard.map(({ kind }) => kind)).toEqual(["opened", "resolved", "reopened", "resolved", "opened"]);
  });

  test("keeps its worst and its newest value, told or not", async () => {
    using rig = new Rig();
    for (const memory of [82, 97, 84, 88, 86]) await rig.sample({ memory });
    const values = { opened_value: 82, peak_value: 97, resource: { current_value: 86, threshold: 80 } };
    expect(rig.alerts.get("alert_1")).toMatchObject(values);
    expect(rig.alerts.list({ limit: 1 }).items).toEqual([rig.alerts.get("alert_1")]);
    rig.restart();
    expect(rig.alerts.get("alert_1")).toMatchObject(values);
    await rig.sample({ memory: 10 });
    expect(rig.pushed.at(-1)?.data).toMatchObject({ peak_value: 97, resolution: { reason: "recovered" } });
  });

  test("that swings is held open and says so, until it has been well for 15 minutes", async () => {
    using rig = new Rig();
    for (let i = 0; i < 6; i++) {
      await rig.samples(30, { disk: 85 });
      await rig.samples(30, { disk: 50 });
    }
    expect(rig.heard.map(({ kind }) => kind)).toEqual(["opened", "resolved", "reopened", "flapping"]);
    const { title, state, flapping } = rig.alerts.get("alert_1");
    expect([title, state, flapping]).toEqual(["Disk Usage Is Flapping", "firing", true]);
    await rig.samples(450, { disk: 50 });
    expect(rig.alerts.get("alert_1")).toMatchObject({ state: "resolved", flapping: false });
  });

  test("puts one activity into the history for each change", async () => {
    using rig = new Rig();
    for (const memory of [85, 85, 95, 50]) await rig.sample({ memory });
    expect(rig.told.map(({ message, severity }) => [message, severity])).toEqual([
      ["Memory usage reached 85.0%", "warning"],
      ["Memory usage reached 95.0%", "critical"],
      ["Memory usage is back to 50.0%", "info"],
    ]);
    expect(rig.told[0]).toMatchObject({
      activity_type: "system_resource_threshold",
      resource_type: "memory",
      resource_id: null,
      extra_data: { alert_id: "alert_1", state: "firing", current_value: 85, threshold: 80, unit: "%" },
    });
  });

  test("waits as long as its rule: a processor 10 seconds, a GPU's load and memory 5 minutes, the rest not at all", async () => {
    using rig = new Rig();
    const busy = {
      cpu: 95,
      memory: 95,
      disk: 95,
      gpus: [{ usage_percent: 95, memory_usage_percent: 98, temperature: 86 }],
    };
    await rig.samples(151, busy);
    expect(rig.pushed.map(({ data, timestamp }) => [data.message, timestamp.slice(14, 19)])).toEqual([
      ["Memory usage reached 95.0%", "00:02"],
      ["Disk usage reached 95.0%", "00:02"],
      ["GPU 0 temperature reached 86.0 °C", "00:02"],
      ["CPU usage reached 95.0%", "00:12"],
      ["GPU 0 usage reached 95.0%", "05:02"],
      ["GPU 0 memory usage reached 98.0%", "05:02"],
    ]);
    expect(rig.pushed.map(({ data }) => data.actions)).toContainEqual(["check_gpu_processes"]);
    expect(rig.pushed.at(-1)?.data).toMatchObject({
      type: "gpu_threshold",
      severity: "warning",
      resource: { type: "gpu", id: "0", threshold: 97 },
    });
  });

  test("says nothing about a GPU whose memory an engine has reserved", async () => {
    using rig = new Rig();
    await rig.samples(1_000, { gpus: [{ memory_usage_percent: 92.6, temperature: 84 }] });
    expect(rig.pushed).toEqual([]);
  });

  test("is one for each GPU, told apart by what stays with the card", async () => {
    using rig = new Rig();
    const hot = { uuid: "GPU-aaaa", temperature: 90 };
    const cool = { uuid: "GPU-bbbb", temperature: 50 };
    await rig.sample({ gpus: [cool, hot] });
    // After a reboot the cards are numbered the other way round; the hot one is still the same incident.
    rig.restart();
    await rig.sample({ gpus: [hot, cool] });
    await rig.sample({ gpus: [{ ...hot, temperature: 60 }, cool] });
    expect(rig.story).toEqual(["alert_1 firing critical 90", "alert_1 resolved info 60"]);
  });
});

describe("time that does not count", () => {
  test("a machine that was asleep has not been busy meanwhile", async () => {
    using rig = new Rig();
    await rig.samples(3, { cpu: 95 });
    await rig.clock.stall(3_600_000);
    await rig.sample({ cpu: 95 });
    expect(rig.pushed).toEqual([]);
    await rig.samples(3, { cpu: 95 });
    expect(rig.story).toEqual(["alert_1 firing critical 95"]);
  });

  test("a wall clock that is set forward or back opens and closes nothing", async () => {
    using rig = new Rig();
    await rig.samples(2, { cpu: 95 });
    rig.clock.jumpWall(3_600_000);
    await rig.sample({ cpu: 95 });
    rig.clock.jumpWall(-7_200_000);
    await rig.samples(2, { cpu: 95 });
    expect(rig.pushed).toEqual([]);
    await rig.sample({ cpu: 95 });
    expect(rig.story).toEqual(["alert_1 firing critical 95"]);
  });

  test("a value that is not reported is told to be missing, and after 10 minutes the alert is lost: no recovery", async () => {
    using rig = new Rig();
    await rig.sample({ memory: 95 });
    await rig.samples(10, { memory: null });
    expect(rig.alerts.get("alert_1")).toMatchObject({
      state: "firing",
      stale: true,
      title: "Memory Usage Is Not Reported",
    });
    await rig.sample({ memory: 95 });
    expect(rig.alerts.get("alert_1")).toMatchObject({ state: "firing", stale: false, title: "Critical Memory Usage" });
    await rig.samples(1_800, { memory: null });
    expect(rig.alerts.get("alert_1")).toMatchObject({
      state: "resolved",
      title: "Memory Usage Monitoring Lost",
      message: "There have been no values for 10 minutes; its last value, 95.0%, was not back to normal",
      resolution: { reason: "no_data" },
    });
    await rig.sample({ memory: 95 });
    expect(rig.story.at(-1)).toBe("alert_2 firing critical 95");
  });
});

describe("a part that cannot be read", () => {
  const broken = { failing: { memory: "EIO: i/o error, read" }, memory: null };

  test("has an alert of its own, which the alerts about its values only follow from", async () => {
    using rig = new Rig();
    await rig.sample({ memory: 95 });
    await rig.samples(320, broken);
    expect(rig.heard.map(({ kind, key, inhibited }) => [kind, key, inhibited])).toEqual([
      ["opened", "memory", false],
      ["opened", "collector:memory", false],
      ["stale", "memory", true],
      ["resolved", "memory", true],
    ]);
    expect(rig.alerts.get("alert_2")).toMatchObject({
      type: "collector_failed",
      category: "monitoring",
      severity: "warning",
      title: "Memory Is Not Monitored",
      message: "The memory cannot be read: EIO: i/o error, read",
      resource: { type: "collector", id: "memory" },
      actions: ["check_logs"],
    });
    await rig.samples(10, { memory: 50 });
    expect(rig.alerts.get("alert_2")).toMatchObject({ state: "resolved", message: "The memory can be read again" });
  });

  test("for a moment is nothing", async () => {
    using rig = new Rig();
    await rig.samples(5, broken);
    await rig.samples(5, {});
    expect(rig.pushed).toEqual([]);
  });

  test("does not make its GPUs be gone", async () => {
    using rig = new Rig();
    await rig.sample({ gpus: [{ temperature: 90 }] });
    await rig.samples(60, { failing: { gpu: "the driver is gone" } });
    await rig.sample({ gpus: [{ temperature: 90 }] });
    expect(rig.heard.filter(({ key }) => key.startsWith("gpu:")).map(({ kind }) => kind)).toEqual([
      "opened",
      "stale",
      "fresh",
    ]);
  });
});

describe("files", () => {
  test("have an alert of their own when there is no room for more of them", async () => {
    using rig = new Rig();
    for (const inodes of [79, 81, 92, 60]) await rig.sample({ inodes });
    expect(rig.pushed.map(({ data }) => [data.type, data.severity, data.message, data.resource.type])).toEqual([
      ["inode_threshold", "warning", "Inode usage reached 81.0%", "disk"],
      ["inode_threshold", "critical", "Inode usage reached 92.0%", "disk"],
      ["inode_threshold", "info", "Inode usage is back to 60.0%", "disk"],
    ]);
  });

  test("that fill the disk within hours are told of before it is full, and no more after they are deleted", async () => {
    using rig = new Rig();
    const total = 500 * 2 ** 30;
    let free = 60 * 2 ** 30;
    // 10 GB an hour.
    for (let i = 0; i < 1_200; i++) {
      free -= (10 * 2 ** 30) / 1_800;
      await rig.sample({ freeBytes: free, disk: 70 });
    }
    expect(rig.pushed.map(({ data }) => [data.type, data.severity, data.title])).toEqual([
      ["disk_full_predicted", "warning", "Warning: Disk Fill Rate"],
    ]);
    expect(rig.pushed[0]?.data.resource).toMatchObject({ type: "disk", unit: "h", threshold: 8 });
    expect(rig.pushed[0]?.data.resource.current_value).toBeCloseTo(5.4, 0);
    await rig.samples(200, { freeBytes: total / 2, disk: 50 });
    expect(rig.alerts.get("alert_1")).toMatchObject({ state: "resolved", resolution: { reason: "recovered" } });
  });
});

describe("a GPU that vanishes", () => {
  test("keeps its alert while it is away for less than a minute", async () => {
    using rig = new Rig();
    await rig.sample({ gpus: [{ temperature: 90 }] });
    for (let i = 0; i < 5; i++) {
      await rig.samples(29, {});
      await rig.sample({ gpus: [{ temperature: 90 }] });
    }
    expect(new Set(rig.story)).toEqual(new Set(["alert_1 firing critical 90"]));
    expect(rig.heard.map(({ kind }) => kind)).toEqual(["opened", ...Array(5).fill(["stale", "fresh"]).flat()]);
  });

  test("has not been busy while it was away", async () => {
    using rig = new Rig();
    const busy = { gpus: [{ usage_percent: 95 }] };
    await rig.samples(100, busy);
    await rig.samples(4, {});
    // One to begin anew with, and what is left of 150 intervals.
    await rig.samples(51, busy);
    expect(rig.pushed).toEqual([]);
    await rig.sample(busy);
    expect(rig.story).toEqual(["alert_1 firing critical 95"]);
  });

  test("has its alert closed after a minute, and says that this is no recovery", async () => {
    using rig = new Rig();
    await rig.sample({ gpus: [{}, { temperature: 90 }] });
    await rig.samples(40, { gpus: [{}] });
    expect(rig.heard.map(({ kind }) => kind)).toEqual(["opened", "stale", "resolved"]);
    expect(rig.pushed.at(-1)).toMatchObject({
      timestamp: "2025-01-01T12:01:02.000Z",
      data: {
        title: "GPU 1 Is Not Reported",
        message: "GPU 1 has not been reported for 60 seconds; its last value, 90.0 °C, was not back to normal",
        resolution: { reason: "missing" },
      },
    });
  });

  test("is not gone because the machine was asleep", async () => {
    using rig = new Rig();
    await rig.sample({ gpus: [{ temperature: 90 }] });
    await rig.clock.stall(3_600_000);
    await rig.sample({});
    await rig.sample({ gpus: [{ temperature: 90 }] });
    expect(rig.story).toEqual(["alert_1 firing critical 90"]);
  });
});

describe("reading alerts", () => {
  test("pages go newest first and filters narrow", async () => {
    using rig = new Rig();
    for (let i = 0; i < 3; i++) {
      await rig.sample({ memory: 85 });
      // Later than it would be the same one, or flapping.
      await rig.samples(700, { memory: 10 });
    }
    await rig.sample({ disk: 99, memory: 85 });
    const ids = (query: object) => rig.alerts.list({ limit: 10, ...query }).items.map(({ alert_id }) => alert_id);
    expect(ids({})).toEqual(["alert_5", "alert_4", "alert_3", "alert_2", "alert_1"]);
    expect(ids({ state: "firing" })).toEqual(["alert_5", "alert_4"]);
    expect(ids({ type: "disk_threshold" })).toEqual(["alert_5"]);
    expect(ids({ severity: "info", before: "alert_3" })).toEqual(["alert_2", "alert_1"]);
    expect(ids({ resource_type: "memory", state: "firing" })).toEqual(["alert_4"]);
    expect(ids({ resource_type: "disk", resource_id: "x" })).toEqual([]);
    const opened = (id: string) => rig.alerts.get(id).created_at;
    expect(ids({ since: opened("alert_2"), until: opened("alert_3") })).toEqual(["alert_3", "alert_2"]);
    const first = rig.alerts.list({ limit: 2 });
    expect(first.next).toBe("alert_4");
    expect(rig.alerts.list({ limit: 3, before: "alert_4" })).toMatchObject({ items: { length: 3 }, next: null });
    expect(() => rig.alerts.get("alert_6")).toThrow(ProblemError);
  });

  test("the oldest go when there are too many, but nothing that is open", async () => {
    using rig = new Rig();
    await rig.sample({ disk: 95 });
    for (let i = 0; i < 4; i++) {
      await rig.sample({ disk: 95, memory: 85 });
      await rig.samples(700, { disk: 95, memory: 10 });
    }
    pruneAlerts(rig.store);
    expect(rig.alerts.list({ limit: 10 }).items).toHaveLength(5);
    pruneAlerts(rig.store, { alerts: 2, events: 5 });
    expect(rig.alerts.list({ limit: 10 }).items.map(({ alert_id }) => alert_id)).toEqual([
      "alert_5",
      "alert_4",
      "alert_1",
    ]);
    expect(rig.alerts.log.after(0, 100).map(({ seq }) => seq)).toEqual([6, 7, 8, 9]);
    await rig.sample({ disk: 10 });
    expect(rig.pushed.at(-1)).toMatchObject({ seq: 10, data: { alert_id: "alert_1", state: "resolved" } });
  });

  test("a replay after an alert's id leaves none of its later changes out", async () => {
    using rig = new Rig();
    for (const memory of [85, 95, 50]) await rig.sample({ memory, disk: memory === 95 ? 85 : 20 });
    const { log } = rig.alerts;
    expect(rig.story).toEqual([
      "alert_1 firing warning 85",
      "alert_1 firing critical 95",
      "alert_2 firing warning 85",
      "alert_1 resolved info 50",
      "alert_2 resolved info 20",
    ]);
    expect(log.newest()).toBe(5);
    expect(log.after(0, 100)).toEqual(rig.pushed);
    expect(log.after(1, 2).map(({ seq }) => seq)).toEqual([2, 3]);
    expect(log.seqOf("alert_1")).toBe(1);
    expect(log.seqOf("alert_2")).toBe(3);
    for (const id of ["alert_3", "alert_", "act-1", "1"]) expect(log.seqOf(id)).toBeUndefined();
  });

  test("over REST", async () => {
    using rig = new Rig();
    await rig.sample({ memory: 85 });
    const app = new OpenAPIHono();
    mountAlerts(app, rig.alerts, () => "anna");
    const page = await app.request("/api/v1/alerts?state=firing&limit=5");
    expect(await page.json()).toEqual({ items: [rig.alerts.get("alert_1")], next: null });
    const one = await app.request("/api/v1/alerts/alert_1");
    expect(await one.json()).toEqual(rig.alerts.get("alert_1"));
    expect((await app.request("/api/v1/alerts?state=loud")).status).toBe(400);
  });
});

describe("watching", () => {
  test("ends when disposed", async () => {
    using rig = new Rig();
    expect(rig.resources.watchers).toBe(1);
    rig.alerts[Symbol.dispose]();
    expect(rig.resources.watchers).toBe(0);
  });

  test("that is turned off costs nothing, closes what is open, and leaves the history readable", async () => {
    using rig = new Rig();
    await rig.sample({ memory: 95 });
    rig.restart({ watch: false });
    expect(rig.resources.watchers).toBe(0);
    expect(rig.story).toEqual(["alert_1 firing critical 95", "alert_1 resolved info 95"]);
    expect(rig.alerts.get("alert_1")).toMatchObject({ state: "resolved", title: "Alerts Are Off" });
    rig.restart();
    await rig.sample({ memory: 95 });
    expect(rig.story.at(-1)).toBe("alert_2 firing critical 95");
  });
});
