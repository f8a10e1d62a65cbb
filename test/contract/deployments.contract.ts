import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { alert, deploymentEventsEvent, modelStatusUpdate, systemAlertsEvent } from "../../src/contract/index.ts";
import { startEngine } from "../fake-engine/start.ts";
import { must, send } from "../rest.ts";
import { type Runtime, type ServerProcess, serverProcess } from "../server-process.ts";
import { connectClient, type Payload, type Transport } from "../socket-client.ts";
import { differences, samples } from "./document.ts";

setDefaultTimeout(60_000);

/** Real deployments of a real endpoint: their events, their place in model_status, the alerts when they fall ill. */
export function deploymentClauses(runtime: Runtime, transport: Transport): void {
  describe.concurrent(`deployments on ${runtime} over ${transport}`, () => {
    let server: ServerProcess;
    const connect = () => connectClient(server.url, transport);

    beforeAll(async () => {
      server = await serverProcess({ runtime });
    });
    afterAll(async () => {
      await server[Symbol.asyncDispose]();
    });

    /** Registers a model of this name and deploys it as an endpoint on `port`. */
    const deploy = async (model_id: string, port: number, health: object = {}): Promise<Payload> => {
      await must(server.url, "POST", "/models", { model_id, name: `Model ${model_id}`, model_source: "huggingface" });
      const quick = { interval_seconds: 1, timeout_seconds: 1, ...health };
      return must(server.url, "POST", "/deployments", { model_id, runtime: "external", port, health: quick });
    };

    test("started, completed, restarted, stopped: each event as documented, in order, numbered", async () => {
      await using engine = await startEngine("--load-ms", "hold");
      using client = await connect();
      await client.ask("subscribe_deployment_events");
      const { deployment_id, status } = await deploy("life", engine.port);
      expect(["pending", "deploying"]).toContain(status);
      const next = async (event: string) => {
        const found = await client.next(
          "deployment_events",
          (e) => e.data.deployment_id === deployment_id && e.data.event === event,
        );
        return deploymentEventsEvent.parse(found);
      };
      const started = await next("deployment_started");
      expect(started.data).toMatchObject({
        model_id: "life",
        status: "deploying",
        details: { name: "Model life", port: engine.port },
      });
      // container_id is for containers, estimated_completion needs a start to learn from.
      const missing = ["$.data.details.container_id is missing", "$.data.details.estimated_completion is missing"];
      expect(differences(samples[4], started)).toEqual(missing);
      await engine.control({ loaded: true });
      expect((await next("deployment_completed")).data.status).toBe("running");
      await must(server.url, "POST", `/deployments/${deployment_id}/restart`);
      const restarted = await next("deployment_restarted");
      expect(restarted.data.status).toBe("deploying");
      expect(restarted.data.details.estimated_completion).toBeString();
      await next("deployment_completed");
      await must(server.url, "POST", `/deployments/${deployment_id}/stop`);
      const stopped = await next("deployment_stopped");
      expect(stopped.data.status).toBe("stopped");
      expect(stopped.seq).toBeGreaterThan(started.seq ?? Number.NaN);
      expect(stopped.data.event_id).toBe(`evt-${stopped.seq}`);
      using late = await connect();
      await late.ask("subscribe_deployment_events", { after: started.data.event_id });
      const replayed = await late.next("deployment_events", (e) => e.data.deployment_id === deployment_id);
      expect(replayed).toMatchObject({ replayed: true, data: { event: "deployment_completed" } });
    });

    test("a start that gets nowhere fails with a reason and a hint", async () => {
      const engine = await startEngine();
      await engine.crash();
      using client = await connect();
      await client.ask("subscribe_deployment_events");
      const { deployment_id } = await deploy("nobody", engine.port, { start_timeout_seconds: 1 });
      const failed = await client.next(
        "deployment_events",
        (e) => e.data.deployment_id === deployment_id && e.data.event === "deployment_failed",
      );
      expect(deploymentEventsEvent.parse(failed).data).toMatchObject({ status: "failed" });
      expect(failed.data.details.reason).toContain(String(engine.port));
      expect(failed.data.details.hint).toBeString();
      expect(await must(server.url, "GET", `/deployments/${deployment_id}`)).toMatchObject({
        status: "failed",
        uptime_seconds: 0,
      });
    });

    test("model_status has one entry per deployment, with everything the sample has", async () => {
      await using engine = await startEngine();
      using client = await connect();
      await client.ask("subscribe_deployment_events");
      const { deployment_id } = await deploy("status", engine.port);
      await client.next(
        "deployment_events",
        (e) => e.data.deployment_id === deployment_id && e.data.event === "deployment_completed",
      );
      await client.ask("subscribe_model_status");
      const entryOf = (update: Payload) => update.data.models.find((m: Payload) => m.deployment_id === deployment_id);
      const update = modelStatusUpdate.parse(
        await client.next("model_status_update", (u) => entryOf(u)?.uptime_seconds > 0),
      );
      const entry = entryOf(update);
      expect(differences((samples[1] as Payload).data.models[0], entry)).toEqual([]);
      expect(entry).toMatchObject({
        model_id: "status",
        name: "Model status",
        status: "running",
        health_status: "healthy",
        port: engine.port,
      });
      expect(update.data.running_models).toBe(update.data.models.filter((m) => m.status === "running").length);
      expect(update.data.failed_models).toBe(update.data.models.filter((m) => m.status === "failed").length);
    });

    test("a model that stops answering raises an alert at once, and recovery resolves the same alert", async () => {
      await using engine = await startEngine();
      using client = await connect();
      await client.ask("subscribe_all");
      const { deployment_id } = await deploy("ill", engine.port, { unhealthy_threshold: 2 });
      await client.next(
        "deployment_events",
        (e) => e.data.deployment_id === deployment_id && e.data.event === "deployment_completed",
      );
      await engine.control({ health: 500 });
      const mine = (e: Payload) => e.data.resource.id === deployment_id;
      const firing = systemAlertsEvent.parse(await client.next("system_alerts", mine));
      expect(firing.data).toMatchObject({
        type: "model_health_check_failed",
        category: "model_health",
        severity: "error",
        state: "firing",
        actions: ["restart_model", "check_logs"],
        auto_resolve: true,
      });
      expect(differences(samples[3], firing)).toEqual([]);
      expect(await must(server.url, "GET", `/deployments/${deployment_id}`)).toMatchObject({
        status: "running",
        health_status: "unhealthy",
      });
      await client.next(
        "activity_stream",
        (e) => e.data.activity_type === "model_health_check" && e.data.resource_id === deployment_id,
      );
      await engine.control({ health: 200 });
      const resolved = systemAlertsEvent.parse(await client.next("system_alerts", mine));
      expect(resolved.data).toMatchObject({ alert_id: firing.data.alert_id, state: "resolved", severity: "info" });
      expect(alert.parse(await must(server.url, "GET", `/alerts/${firing.data.alert_id}`))).toEqual(resolved.data);
      using late = await connect();
      await late.ask("subscribe_system_alerts", { after: firing.data.alert_id });
      expect((await late.next("system_alerts", mine)).data.state).toBe("resolved");
    });

    test("every transition is an activity too", async () => {
      await using engine = await startEngine();
      using client = await connect();
      await client.ask("subscribe_activity_stream");
      const { deployment_id } = await deploy("told", engine.port);
      const about = (e: Payload) => e.data.activity_type === "model_deployment" && e.data.resource_id === deployment_id;
      for (let i = 0; i < 2; i++) await client.next("activity_stream", about);
      await must(server.url, "DELETE", `/deployments/${deployment_id}`);
      await client.next("activity_stream", about);
      expect((await send(server.url, "GET", `/deployments/${deployment_id}`)).status).toBe(404);
    });

    test("bad commands are refused by name", async () => {
      await must(server.url, "POST", "/models", { model_id: "refused", name: "R", model_source: "local" });
      const create = (body: object) =>
        send(server.url, "POST", "/deployments", { model_id: "refused", runtime: "external", port: 9, ...body });
      const fields = async (body: object) => (await create(body)).body.errors?.map((e: Payload) => e.field);
      expect(await fields({ model_id: "unknown-model" })).toEqual(["model_id"]);
      expect(await fields({ runtime: "warp-drive" })).toEqual(["runtime"]);
      expect(await fields({ port: undefined })).toEqual(["port"]);
      expect(await fields({ port: 70_000 })).toEqual(["port"]);
      expect(await fields({ health: { interval_seconds: 0 } })).toEqual(["health.interval_seconds"]);
      expect((await send(server.url, "POST", "/deployments/dep-999/start")).status).toBe(404);
      const { deployment_id } = await must(server.url, "POST", "/deployments", {
        model_id: "refused",
        runtime: "external",
        port: 9,
      });
      await must(server.url, "POST", `/deployments/${deployment_id}/stop`);
      const twice = await send(server.url, "POST", `/deployments/${deployment_id}/stop`);
      expect([twice.status, twice.body.code]).toEqual([409, "illegal_transition"]);
      expect((await send(server.url, "DELETE", "/models/refused")).body.code).toBe("in_use");
    });
  });
}
