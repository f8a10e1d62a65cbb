import { describe, expect, test } from "bun:test";
import { OpenAPIHono } from "@hono/zod-openapi";
import { mountAlerts } from "../../src/alerts/routes.ts";
import { type CreateSilence, createSilence, ProblemError } from "../../src/contract/index.ts";
import { Rig } from "./rig.ts";

const HOUR = 3_600_000;

function silence(rig: Rig, input: Partial<CreateSilence>, hours = 1) {
  const until = new Date(rig.clock.now() + hours * HOUR).toISOString();
  return rig.alerts.silence(createSilence.parse({ until, ...input }), null);
}

function heard(rig: Rig) {
  return rig.heard.map(({ kind, incident, silenced }) => [kind, incident.state, silenced] as const);
}

describe("an acknowledgement", () => {
  test("is pushed and in the history, and ends when things get worse", async () => {
    using rig = new Rig();
    await rig.sample({ memory: 85 });
    const said = rig.alerts.acknowledge("alert_1", "on it", "anna");
    expect(said).toMatchObject({
      state: "acknowledged",
      severity: "warning",
      acknowledged_by: "anna",
      acknowledged_at: "2025-01-01T12:00:02.000Z",
      acknowledgement_comment: "on it",
    });
    expect(rig.pushed.at(-1)?.data).toEqual(said);
    expect(rig.told.at(-1)).toMatchObject({
      activity_type: "user_operation",
      message: "alert_1 (High Memory Usage) was acknowledged: on it",
      resource_type: "memory",
    });
    expect(rig.alerts.acknowledge("alert_1", "again", null)).toEqual(said);
    expect(rig.pushed).toHaveLength(2);
    await rig.sample({ memory: 95 });
    expect(rig.pushed.at(-1)?.data).toMatchObject({ state: "firing", severity: "critical" });
    expect(rig.pushed.at(-1)?.data.acknowledged_at).toBeUndefined();
  });

  test("lasts over what is no worse, a restart and a recovery, but not over a day", async () => {
    using rig = new Rig();
    await rig.sample({ memory: 95 });
    rig.alerts.acknowledge("alert_1", null, null);
    await rig.sample({ memory: 83 });
    rig.restart();
    await rig.sample({ memory: 83 });
    expect(rig.alerts.get("alert_1")).toMatchObject({ state: "acknowledged", severity: "warning" });
    await rig.clock.stall(24 * HOUR);
    await rig.sample({ memory: 83 });
    expect(rig.heard.map(({ kind }) => kind)).toEqual(["opened", "acknowledged", "deescalated", "unacknowledged"]);
    expect(rig.alerts.get("alert_1").state).toBe("firing");
  });

  test("of what is over is refused", async () => {
    using rig = new Rig();
    for (const memory of [95, 50]) await rig.sample({ memory });
    for (const act of ["acknowledge", "resolve"] as const) {
      expect(() => rig.alerts[act]("alert_1", null, null)).toThrow(/alert_1 is over since 2025-01-01T12:00:04.000Z/);
      expect(() => rig.alerts[act]("alert_9", null, null)).toThrow(ProblemError);
    }
    expect(rig.pushed).toHaveLength(2);
  });
});

describe("closing by hand", () => {
  test("ends it until it was over and begins again, also over a restart", async () => {
    using rig = new Rig();
    await rig.sample({ memory: 85 });
    const closed = rig.alerts.resolve("alert_1", "a big build", "ben");
    expect(closed).toMatchObject({
      state: "resolved",
      severity: "info",
      actions: [],
      resolution: { reason: "manual", by: "ben", comment: "a big build" },
    });
    expect(rig.told.at(-1)).toMatchObject({ activity_type: "user_operation", extra_data: { by: "ben" } });
    await rig.samples(10, { memory: 85 });
    rig.kill();
    await rig.samples(10, { memory: 85 });
    expect(rig.heard.map(({ kind }) => kind)).toEqual(["opened", "resolved"]);
    await rig.sample({ memory: 95 });
    await rig.samples(20, { memory: 50 });
    expect(rig.heard.map(({ kind }) => kind)).toEqual(["opened", "resolved", "reopened", "resolved"]);
  });

  test("is what an alert waits for whose rule says so", async () => {
    using rig = new Rig();
    rig.alerts.updateRule("disk", { auto_resolve: false }, null);
    for (const disk of [95, 40, 40]) await rig.sample({ disk });
    expect(rig.alerts.get("alert_1")).toMatchObject({ state: "firing", auto_resolve: false });
    rig.alerts.resolve("alert_1", null, null);
    await rig.samples(400, { disk: 40 });
    await rig.sample({ disk: 95 });
    expect(rig.story.at(-1)).toBe("alert_2 firing critical 95");
  });
});

describe("a silence", () => {
  test("mutes what matches, open or to come, and the incident goes on", async () => {
    using rig = new Rig();
    await rig.sample({ memory: 85 });
    const { silence_id } = silence(rig, { key: "mem*", comment: "maintenance" });
    await rig.sample({ memory: 95, disk: 85 });
    expect(heard(rig)).toEqual([
      ["opened", "firing", false],
      ["silenced", "firing", true],
      ["escalated", "firing", true],
      ["opened", "firing", false],
    ]);
    expect(rig.alerts.get("alert_1")).toMatchObject({ silenced: true, severity: "critical" });
    rig.alerts.unsilence(silence_id);
    expect(heard(rig).at(-1)).toEqual(["unsilenced", "firing", false]);
    expect(rig.told.filter(({ resource_type }) => resource_type === "silence").map(({ message }) => message)).toEqual([
      "Alerts that match key mem* are silenced until 2025-01-01T13:00:02.000Z: maintenance",
      "Alerts that match key mem* are no longer silenced",
    ]);
  });

  test("that ends while it still is so is told; what ended meanwhile stays ended", async () => {
    using rig = new Rig();
    silence(rig, { type: "*_threshold" });
    await rig.sample({ memory: 85, disk: 95 });
    await rig.sample({ memory: 50, disk: 95 });
    rig.restart();
    await rig.clock.stall(HOUR);
    await rig.sample({ memory: 50, disk: 95 });
    expect(rig.heard.map(({ kind, key, silenced }) => [kind, key, silenced])).toEqual([
      ["opened", "memory", true],
      ["opened", "disk", true],
      ["resolved", "memory", true],
      ["unsilenced", "disk", false],
    ]);
    expect(rig.alerts.silences()).toEqual([]);
    // What comes back after it was silenced is heard.
    await rig.sample({ memory: 95, disk: 95 });
    expect(rig.heard.at(-1)).toMatchObject({ kind: "reopened", silenced: false });
  });

  test("names a resource, one of several, or all of a kind", async () => {
    using rig = new Rig();
    const hot = { uuid: "GPU-aaaa", temperature: 90 };
    silence(rig, { resource: "gpu:1", type: "gpu_threshold" });
    silence(rig, { resource: "disk" });
    silence(rig, { key: "mem*y?" });
    await rig.sample({ memory: 95, disk: 95, gpus: [hot, { ...hot, uuid: "GPU-bbbb" }] });
    expect(rig.heard.filter(({ silenced }) => silenced).map(({ key }) => key)).toEqual([
      "disk",
      "gpu:GPU-bbbb:temperature",
    ]);
  });

  test("has an end that lies ahead, something to match, and there are not endlessly many", () => {
    using rig = new Rig();
    expect(() => silence(rig, { key: "*" }, -1)).toThrow("The end of a silence lies ahead");
    expect(() => silence(rig, {})).toThrow();
    expect(() => rig.alerts.unsilence("sil-1")).toThrow(ProblemError);
    for (let i = 0; i < 1_000; i++) silence(rig, { key: `key-${i}` });
    expect(() => silence(rig, { key: "one more" })).toThrow("There are already 1000 silences");
  });

  test("with many stars is compared in no time", async () => {
    using rig = new Rig();
    silence(rig, { key: `${"*a".repeat(100)}*b` });
    await rig.sample({ memory: 95 });
    expect(rig.heard[0]?.silenced).toBe(false);
  });
});

describe("a rule", () => {
  test("that is changed judges what is open at once, and takes the configured value again for null", async () => {
    using rig = new Rig();
    await rig.sample({ memory: 85, disk: 70 });
    const changed = rig.alerts.updateRule("memory", { warning: 88, critical: 95 }, "anna");
    expect(changed).toMatchObject({ warning: 88, configured: { warning: 80 }, changed: ["warning", "critical"] });
    expect(rig.alerts.get("alert_1")).toMatchObject({ state: "resolved", resolution: { reason: "rule_changed" } });
    rig.alerts.updateRule("disk", { warning: 60 }, null);
    expect(rig.story.at(-1)).toBe("alert_2 firing warning 70");
    rig.restart();
    await rig.sample({ memory: 85, disk: 70 });
    expect(rig.pushed).toHaveLength(3);
    rig.alerts.updateRule("memory", { warning: null, critical: null }, null);
    expect(rig.story.at(-1)).toBe("alert_1 firing warning 85");
    expect(rig.alerts.rules().find(({ name }) => name === "memory")).toMatchObject({ warning: 80, changed: [] });
    expect(rig.told.find(({ resource_type }) => resource_type === "alert_rule")).toMatchObject({
      activity_type: "user_operation",
      message: "Alert rule memory was changed",
      extra_data: { changes: { warning: 88, critical: 95 }, by: "anna" },
    });
  });

  test("that is turned off closes what is open, and watches again when it is turned on", async () => {
    using rig = new Rig();
    await rig.sample({ memory: 95, disk: 95 });
    rig.alerts.updateRule("memory", { enabled: false }, null);
    expect(rig.alerts.get("alert_1")).toMatchObject({
      state: "resolved",
      title: "Alert Rule Is Off",
      resolution: { reason: "rule_changed" },
    });
    await rig.samples(5, { memory: 95, disk: 95 });
    expect(rig.pushed).toHaveLength(3);
    rig.alerts.updateRule("memory", { enabled: null }, null);
    await rig.sample({ memory: 95, disk: 95 });
    expect(rig.pushed.at(-1)?.data).toMatchObject({ type: "memory_threshold", state: "firing" });
  });

  test("whose thresholds would be the wrong way round stays as it is", () => {
    using rig = new Rig();
    expect(() => rig.alerts.updateRule("memory", { warning: 91 }, null)).toThrow(ProblemError);
    expect(() => rig.alerts.updateRule("disk_full", { critical: 9 }, null)).toThrow(ProblemError);
    expect(rig.alerts.rules().every(({ changed }) => changed.length === 0)).toBe(true);
  });
});

describe("a download", () => {
  function heardOf(rig: Rig) {
    return (severity: "info" | "error", message: string, resource_id = "llama2-7b") =>
      rig.store.write((tx) =>
        rig.activities.record(tx, {
          activity_type: "download_task",
          message,
          severity,
          resource_type: "model",
          resource_id,
          extra_data: {},
        }),
      );
  }

  test("is one of at most 200 that are told of at a time, and those that are over make room", async () => {
    using rig = new Rig();
    const write = heardOf(rig);
    for (let n = 0; n < 250; n++) write("error", "It failed", `model-${n}`);
    expect(rig.pushed).toHaveLength(200);
    for (let n = 0; n < 250; n++) write("info", "It is done", `model-${n}`);
    expect(rig.pushed).toHaveLength(400);
    await rig.samples(610, {});
    write("error", "It failed", "model-249");
    expect(rig.pushed.at(-1)?.data).toMatchObject({ alert_id: "alert_201", state: "firing" });
  });

  test("that failed is told by whoever writes it into the history, and is over with better news", async () => {
    using rig = new Rig();
    const write = heardOf(rig);
    write("info", "Download of llama2-7b begins");
    expect(rig.pushed).toEqual([]);
    write("error", "Download of llama2-7b failed: HTTP 503");
    write("error", "Download of llama2-7b failed: HTTP 503");
    expect(rig.pushed.map(({ data }) => data)).toMatchObject([
      {
        type: "download_failed",
        category: "download",
        severity: "error",
        title: "Download Failed",
        message: "Download of llama2-7b failed: HTTP 503",
        resource: { type: "download", id: "llama2-7b" },
        actions: ["check_logs"],
      },
    ]);
    rig.restart();
    await rig.samples(400, {});
    expect(rig.pushed).toHaveLength(1);
    write("info", "Download of llama2-7b is done");
    expect(rig.alerts.get("alert_1")).toMatchObject({ state: "resolved", message: "Download of llama2-7b is done" });
  });
});

test("over REST", async () => {
  using rig = new Rig();
  await rig.sample({ memory: 85 });
  const app = new OpenAPIHono();
  mountAlerts(app, rig.alerts, () => "anna");
  const send = (method: string, path: string, body?: unknown) =>
    app.request(`/api/v1${path}`, {
      method,
      ...(body !== undefined && { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
    });
  const acknowledged = await send("POST", "/alerts/alert_1/acknowledge");
  expect(await acknowledged.json()).toEqual(rig.alerts.get("alert_1"));
  expect((await send("POST", "/alerts/alert_1/resolve", { comment: "x".repeat(1_001) })).status).toBe(400);
  const closed = await send("POST", "/alerts/alert_1/resolve", { comment: "done" });
  expect(await closed.json()).toMatchObject({ resolution: { reason: "manual", by: "anna", comment: "done" } });
  const made = await send("POST", "/silences", { key: "*", until: "2026-01-01T00:00:00.000Z" });
  expect(made.status).toBe(201);
  const { items } = (await (await send("GET", "/silences")).json()) as { items: unknown[] };
  expect(items).toEqual([await made.json()]);
  expect((await send("DELETE", "/silences/sil-1")).status).toBe(204);
  expect((await send("POST", "/silences", { until: "2026-01-01T00:00:00.000Z" })).status).toBe(400);
  expect((await send("PATCH", "/alert-rules/memory", { warning: -1 })).status).toBe(400);
  expect(await (await send("PATCH", "/alert-rules/memory", { warning: 70 })).json()).toMatchObject({ warning: 70 });
  const rules = (await (await send("GET", "/alert-rules")).json()) as { items: { name: string }[] };
  expect(rules.items.map(({ name }) => name)).toEqual(rig.alerts.rules().map(({ name }) => name));
});
