import { describe, expect, test } from "bun:test";
import { HEALTHY, open, REFUSED } from "../deployments/setup.ts";
import { Rig } from "./rig.ts";

/** Real deployments on the rig's store and clock; probes find what the test says. */
async function deployed(rig: Rig) {
  const room = open(rig.store, rig.clock);
  room.addModel();
  room.deploy();
  await rig.clock.advance(0);
  return room;
}

describe("an alert about a deployment", () => {
  test("comes with the third failure in a row, once, and goes with the first success", async () => {
    using rig = new Rig();
    const room = await deployed(rig);
    room.endpoint.answer = REFUSED;
    await rig.clock.advance(10_000);
    expect(rig.pushed).toEqual([]);
    await rig.clock.advance(60_000);
    expect(rig.pushed.map(({ data }) => data)).toEqual([
      {
        alert_id: "alert_1",
        type: "model_health_check_failed",
        category: "model_health",
        severity: "error",
        title: "Model Health Check Failed",
        message: "Model LLaMA2 Chat failed 3 health checks in a row: connection refused at x",
        resource: { type: "deployment", id: "dep-1", current_value: 3, threshold: 3, unit: "failures" },
        actions: ["restart_model", "check_logs"],
        auto_resolve: true,
        state: "firing",
        created_at: expect.any(String),
        updated_at: expect.any(String),
        resolved_at: null,
        key: "deployment:dep-1",
        rule: "model_unhealthy",
        opened_at: expect.any(String),
        opened_value: 3,
        peak_value: 3,
        for_seconds: 0,
        reopened: 0,
        flapping: false,
        stale: false,
        silenced: false,
        resolution: null,
      },
    ]);
    room.endpoint.answer = HEALTHY;
    await rig.clock.advance(5_000);
    expect(rig.story).toEqual(["alert_1 firing error 3", "alert_1 resolved info 0"]);
    expect(rig.told.filter(({ extra_data }) => extra_data.alert_id === "alert_1")).toMatchObject([
      { activity_type: "model_health_check", severity: "error", resource_type: "deployment", resource_id: "dep-1" },
      { activity_type: "model_health_check", severity: "info", message: "Model LLaMA2 Chat is healthy again" },
    ]);
    await room.deployments[Symbol.asyncDispose]();
  });

  test("goes when the deployment is stopped, and says so", async () => {
    using rig = new Rig();
    const room = await deployed(rig);
    room.endpoint.answer = REFUSED;
    await rig.clock.advance(20_000);
    await room.deployments.stop("dep-1");
    await rig.clock.advance(0);
    expect(rig.alerts.get("alert_1")).toMatchObject({
      state: "resolved",
      severity: "info",
      message: "Deployment dep-1 was stopped",
    });
    await room.deployments[Symbol.asyncDispose]();
  });

  test("stays over a restart of the deployment until that is known to be well", async () => {
    using rig = new Rig();
    const room = await deployed(rig);
    room.endpoint.answer = REFUSED;
    await rig.clock.advance(20_000);
    await room.deployments.restart("dep-1");
    await rig.clock.advance(60_000);
    expect(rig.story).toEqual(["alert_1 firing error 3"]);
    room.endpoint.answer = HEALTHY;
    await rig.clock.advance(1_000);
    expect(rig.story).toEqual(["alert_1 firing error 3", "alert_1 resolved info 0"]);
    await room.deployments[Symbol.asyncDispose]();
  });

  test("stays when the deployment fails, and goes when it is removed", async () => {
    using rig = new Rig();
    const room = await deployed(rig);
    room.endpoint.answer = REFUSED;
    await rig.clock.advance(20_000);
    await room.deployments.restart("dep-1");
    await rig.clock.advance(150_000);
    expect(room.deployments.get("dep-1").status).toBe("failed");
    expect(rig.story).toEqual(["alert_1 firing error 3", "alert_2 firing error 1"]);
    await room.deployments.remove("dep-1");
    for (const id of ["alert_1", "alert_2"]) {
      expect(rig.alerts.get(id)).toMatchObject({
        state: "resolved",
        message: "Deployment dep-1 was removed",
        resolution: { reason: "missing" },
      });
    }
    await room.deployments[Symbol.asyncDispose]();
  });

  test("is one for each deployment", async () => {
    using rig = new Rig();
    const room = await deployed(rig);
    room.deploy({ port: 8001 });
    await rig.clock.advance(0);
    room.endpoint.answer = REFUSED;
    await rig.clock.advance(30_000);
    expect(rig.pushed.map(({ data }) => data.resource.id).sort()).toEqual(["dep-1", "dep-2"]);
    await room.deployments[Symbol.asyncDispose]();
  });

  test("ignores what people write into the history about it", async () => {
    using rig = new Rig();
    const room = await deployed(rig);
    room.endpoint.answer = REFUSED;
    await rig.clock.advance(20_000);
    const note = { message: "looking at it", severity: "info", resource_type: "deployment" } as const;
    for (const resource_id of ["dep-1", "dep-9", "nonsense", null]) {
      room.activities.create({ ...note, activity_type: "user_operation", resource_id, extra_data: {} });
    }
    expect(rig.story).toEqual(["alert_1 firing error 3"]);
    await room.deployments[Symbol.asyncDispose]();
  });
});

describe("an alert about a deployment that failed", () => {
  /** A deployment of a driver whose runs end as the test says. */
  async function crashing(rig: Rig, restart_policy: string) {
    const room = open(rig.store, rig.clock);
    room.fake.stopped.resolve();
    room.addModel();
    room.deploy({ runtime: "fake", restart_policy });
    await rig.clock.advance(0);
    return {
      ...room,
      async crash() {
        room.fake.end({ reason: "exit code 1", exitCode: 1 });
        await rig.clock.advance(0);
      },
      [Symbol.asyncDispose]: () => room.deployments[Symbol.asyncDispose](),
    };
  }

  test("says why, and goes when it runs again", async () => {
    using rig = new Rig();
    await using room = await crashing(rig, "never");
    await room.crash();
    expect(rig.pushed.map(({ data }) => data)).toMatchObject([
      {
        type: "deployment_failed",
        category: "model_health",
        severity: "error",
        title: "Deployment Failed",
        message: "Deployment dep-1 of model LLaMA2 Chat failed: exit code 1",
        resource: { type: "deployment", id: "dep-1" },
        actions: ["restart_model", "check_logs"],
        rule: "deployment_failed",
        key: "deployment:dep-1:failure",
      },
    ]);
    await rig.samples(400, {});
    expect(rig.pushed).toHaveLength(1);
    await room.deployments.start("dep-1");
    await rig.clock.advance(0);
    expect(rig.pushed.at(-1)?.data).toMatchObject({
      state: "resolved",
      message: "Deployment dep-1 of model LLaMA2 Chat runs again",
      resolution: { reason: "recovered" },
    });
  });

  test("becomes critical in a crash loop, and ends after that", async () => {
    using rig = new Rig();
    await using room = await crashing(rig, "always");
    for (let i = 0; i < 5; i++) {
      await room.crash();
      await rig.samples(30, {});
    }
    expect(rig.heard.map(({ kind }) => kind)).toEqual(["opened", "resolved", "reopened", "flapping", "escalated"]);
    expect(rig.alerts.get("alert_1")).toMatchObject({
      severity: "critical",
      title: "Deployment Keeps Failing",
      message: "Deployment dep-1 of model LLaMA2 Chat keeps failing and is restarted later each time: exit code 1",
    });
    // A stable run ends the loop, and a quarter of an hour without a change the alert.
    await rig.samples(660, {});
    expect(rig.alerts.get("alert_1")).toMatchObject({ state: "resolved", resolution: { reason: "recovered" } });
  });

  test("is there at the start when it failed while nobody watched, and goes when it is stopped", async () => {
    using rig = new Rig();
    await using room = await crashing(rig, "never");
    rig.alerts[Symbol.dispose]();
    await room.crash();
    expect(rig.pushed).toEqual([]);
    await room.deployments[Symbol.asyncDispose]();
    rig.restart();
    expect(rig.story).toEqual(["alert_1 firing error 1"]);
    const later = open(rig.store, rig.clock);
    later.deployments.resume();
    await rig.clock.advance(0);
    await later.deployments.stop("dep-1");
    await rig.clock.advance(0);
    expect(rig.alerts.get("alert_1")).toMatchObject({ state: "resolved", resolution: { reason: "stopped" } });
    await later.deployments[Symbol.asyncDispose]();
  });
});
