/**
 * Real faults, and what people hear of them: a file system that fills, a control group that runs out of memory, an
 * endpoint that turns bad. Each alert, its escalation and its end have to arrive at a JavaScript and a Python client of
 * a real server process. Needs root (a tmpfs, a control group) and Debian's python3-socketio.
 */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { rmSync, statfsSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Alert, systemAlertsEvent } from "../../src/contract/index.ts";
import { must } from "../rest.ts";
import { type ServerProcess, serverProcess } from "../server-process.ts";
import { connectClient, type TestClient } from "../socket-client.ts";
import { HealthEndpoint } from "./health-endpoint.ts";
import { MemoryEater, MemoryGroup } from "./memory-group.ts";
import { PythonClient } from "./python-client.ts";
import { SmallDisk } from "./small-disk.ts";

setDefaultTimeout(120_000);

const MIB = 2 ** 20;

let stack: AsyncDisposableStack;
let disk: SmallDisk;
let group: MemoryGroup;
let server: ServerProcess;
let javascript: TestClient;
let python: PythonClient;

beforeAll(async () => {
  stack = new AsyncDisposableStack();
  disk = stack.use(new SmallDisk(64 * MIB));
  group = stack.use(new MemoryGroup(1_024 * MIB));
  server = stack.use(
    await serverProcess({
      program: group.command([process.execPath, join(import.meta.dir, "../../src/main.ts")]),
      env: { DISK_PATH: disk.path, GPU: "off" },
    }),
  );
  javascript = stack.use(await connectClient(server.url, "websocket"));
  python = stack.use(await PythonClient.start(server.url, "websocket"));
  for (const stream of ["system_alerts", "deployment_events"]) await javascript.ask(`subscribe_${stream}`);
});

afterAll(async () => {
  await stack.disposeAsync();
});

/** The next alert of a type and state at both clients, which have to get the very same. */
async function told(type: Alert["type"], state: Alert["state"], severity: Alert["severity"]): Promise<Alert> {
  const fits = (event: { data: Alert }) =>
    event.data.type === type && event.data.state === state && event.data.severity === severity;
  const [there, here] = await Promise.all([python.next("system_alerts", fits), javascript.next("system_alerts", fits)]);
  expect(there).toEqual(here);
  return systemAlertsEvent.parse(here).data;
}

test("a file that fills the disk: warning, critical, and the end of it once the file is gone", async () => {
  const file = join(disk.path, "model.gguf");
  const fill = (share: number) => {
    const { blocks, bsize } = statfsSync(disk.path);
    writeFileSync(file, Buffer.alloc(Math.round(blocks * bsize * share)));
  };
  fill(0.85);
  const warning = await told("disk_threshold", "firing", "warning");
  expect(warning).toMatchObject({
    title: "High Disk Usage",
    message: "Disk usage reached 85.0%",
    resource: { type: "disk", current_value: 85, threshold: 80, unit: "%" },
    actions: ["cleanup_temp_files", "archive_logs"],
  });
  fill(0.99);
  const critical = await told("disk_threshold", "firing", "critical");
  expect(critical).toMatchObject({ alert_id: warning.alert_id, title: "Critical Disk Usage", opened_value: 85 });
  truncateSync(file, 0);
  const resolved = await told("disk_threshold", "resolved", "info");
  expect(resolved).toMatchObject({
    alert_id: warning.alert_id,
    peak_value: critical.peak_value,
    resolution: { reason: "recovered" },
  });
  rmSync(file);
});

test("so many files that there is room for no more: the same for those", async () => {
  const { files } = statfsSync(disk.path);
  const names = Array.from({ length: Math.floor(files * 0.95) }, (_, n) => join(disk.path, `part-${n}`));
  for (const name of names) writeFileSync(name, "");
  const critical = await told("inode_threshold", "firing", "critical");
  expect(critical).toMatchObject({ resource: { type: "disk", threshold: 90, unit: "%" } });
  for (const name of names) rmSync(name);
  expect(await told("inode_threshold", "resolved", "info")).toMatchObject({ alert_id: critical.alert_id });
});

test("a process that eats the memory of the server's container: warning, critical, and the end with the process", async () => {
  await using eater = new MemoryEater(group);
  await eater.fillTo(0.86);
  const warning = await told("memory_threshold", "firing", "warning");
  expect(warning).toMatchObject({ title: "High Memory Usage", actions: ["check_processes", "restart_services"] });
  await eater.fillTo(0.94);
  expect(await told("memory_threshold", "firing", "critical")).toMatchObject({ alert_id: warning.alert_id });
  await eater[Symbol.asyncDispose]();
  const resolved = await told("memory_threshold", "resolved", "info");
  expect(resolved).toMatchObject({ alert_id: warning.alert_id, resolution: { reason: "recovered" } });
});

test("a health endpoint that turns 500: an alert, an acknowledgement, and the end once it is well", async () => {
  await using endpoint = await HealthEndpoint.listen();
  await must(server.url, "POST", "/models", { model_id: "ill", name: "Ill Model", model_source: "local" });
  const { deployment_id } = await must(server.url, "POST", "/deployments", {
    model_id: "ill",
    runtime: "external",
    host: "127.0.0.1",
    port: endpoint.port,
    health: { path: "/health", interval_seconds: 1, unhealthy_threshold: 2 },
  });
  await javascript.next("deployment_events", ({ data }) => data.event === "deployment_completed");
  endpoint.status = 500;
  const alert = await told("model_health_check_failed", "firing", "error");
  expect(alert).toMatchObject({
    title: "Model Health Check Failed",
    resource: { type: "deployment", id: deployment_id, threshold: 2, unit: "failures" },
    actions: ["restart_model", "check_logs"],
  });
  await must(server.url, "POST", `/alerts/${alert.alert_id}/acknowledge`, { comment: "known" });
  const acknowledged = await told("model_health_check_failed", "acknowledged", "error");
  expect(acknowledged).toMatchObject({ alert_id: alert.alert_id, acknowledgement_comment: "known" });
  endpoint.status = 200;
  const resolved = await told("model_health_check_failed", "resolved", "info");
  expect(resolved).toMatchObject({ alert_id: alert.alert_id, message: "Model Ill Model is healthy again" });
  await must(server.url, "DELETE", `/deployments/${deployment_id}`);
});

test("a server that is killed while a disk is full tells it to nobody again, and tells its end", async () => {
  using full = new SmallDisk(16 * MIB);
  const file = join(full.path, "model.gguf");
  const env = { DISK_PATH: full.path, GPU: "off" };
  await using first = await serverProcess({ env });
  using before = await connectClient(first.url, "websocket");
  await before.ask("subscribe_system_alerts");
  writeFileSync(file, Buffer.alloc(15.5 * MIB));
  const isDisk = ({ data }: { data: Alert }) => data.type === "disk_threshold";
  const opened = systemAlertsEvent.parse(await before.next("system_alerts", isDisk)).data;
  expect(opened).toMatchObject({ state: "firing", severity: "critical" });
  await first.kill("SIGKILL");

  await using next = await serverProcess({ dataDir: first.dataDir, env });
  using client = await connectClient(next.url, "websocket");
  for (const stream of ["system_alerts", "system_resources"]) await client.ask(`subscribe_${stream}`);
  for (let i = 0; i < 4; i++) await client.next("system_resources_update");
  expect(client.received.filter(({ event }) => event === "system_alerts")).toEqual([]);
  rmSync(file);
  const ended = systemAlertsEvent.parse(await client.next("system_alerts", isDisk)).data;
  expect(ended).toMatchObject({ alert_id: opened.alert_id, state: "resolved", resolution: { reason: "recovered" } });
});
