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
