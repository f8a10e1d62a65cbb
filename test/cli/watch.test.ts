import { describe, expect, test } from "bun:test";
import { once } from "node:events";
import { displayWidth } from "../../src/cli/text.ts";
import { WatchState } from "../../src/cli/watch-state.ts";
import { watchLines } from "../../src/cli/watch-view.ts";
import type { Activity, Alert, ModelStatusEntry } from "../../src/contract/index.ts";
import { StreamServer } from "../client/stream-server.ts";
import { linesOf, startCli } from "./cli-process.ts";

const url = "http://127.0.0.1:5000";
const uncoloured = (_: unknown, text: string) => text;
const created_at = "2026-01-01T12:00:00.000Z";

function activity(n: number): Activity {
  const message = `The model 大语言模型 number ${n} was deployed on a machine with a long name and then some more words`;
  const about = { resource_type: "deployment", resource_id: `dep-${n}` };
  return {
    id: `act-${n}`,
    activity_type: "model_deployment",
    message,
    severity: "info",
    ...about,
    created_at,
    extra_data: {},
  };
}

function entry(n: number): ModelStatusEntry {
  return {
    deployment_id: `dep-${n}`,
    model_id: `model-with-a-name-that-is-long-${n}`,
    name: `A name that is long as well, number ${n} 🚀`,
    status: "running",
    health_status: "healthy",
    uptime_seconds: 3_700,
    port: 8000 + n,
    host: "a-machine.example.org",
    model_source: "huggingface",
    cpu_cores: null,
    memory_limit: null,
    created_at,
    deployed_at: created_at,
  };
}

function alert(n: number): Alert {
  return {
    alert_id: `alert_${n}`,
    type: "memory_threshold",
    category: "resource_threshold",
    severity: "critical",
    title: "High Memory Usage",
    message: `Memory usage reached ${90 + n} % and this message goes on for longer than any narrow terminal is wide`,
    resource: { type: "memory", current_value: 90 + n, threshold: 90, unit: "%" },
    actions: [],
    auto_resolve: true,
    state: "firing",
    created_at,
    updated_at: created_at,
    resolved_at: null,
  };
}

function fullState(): WatchState {
  const state = new WatchState();
  state.connection = "connected";
  state.updated = created_at;
  state.resources = {
    cpu: { usage_percent: 45.2, cores: 8, frequency: 3200, status: "normal" },
    memory: { usage_percent: 92.1, total_gb: 16, available_gb: 1.2, status: "critical" },
    disk: { usage_percent: null, total_gb: null, free_gb: null, status: null },
    gpu: {
      available: true,
      device_count: 1,
      devices: [
        {
          id: 0,
          name: "NVIDIA RTX 4090",
          usage_percent: 100,
          memory_usage_percent: 15.6,
          temperature: 45,
          status: "critical",
        },
      ],
    },
    network: {
      bytes_sent: 1,
      bytes_recv: 2,
      packets_sent: 1,
      packets_recv: 1,
      bytes_sent_per_sec: 1536,
      bytes_recv_per_sec: 0,
    },
  };
  const models = Array.from({ length: 30 }, (_, n) => entry(n + 1));
  state.models = { total_models: 30, running_models: 30, failed_models: 0, models };
  for (let n = 1; n <= 300; n++) state.addActivity(activity(n));
  for (let n = 1; n <= 9; n++) state.setAlert(alert(n));
  return state;
}

describe("the picture of watch", () => {
  for (const [columns, rows] of [
    [80, 24],
    [120, 40],
    [60, 15],
    [200, 60],
  ] as const) {
    test(`fits ${columns} by ${rows} and counts what it leaves out`, () => {
      const lines = watchLines(fullState(), url, columns, rows, uncoloured);
      expect(lines.length).toBeLessThanOrEqual(rows);
      for (const line of lines) expect(displayWidth(line)).toBeLessThanOrEqual(columns);
      const text = lines.join("\n");
      expect(lines[0]).toStartWith(`llm-manager  ${url}  ● connected`);
      expect(text).toMatch(/^cpu +█+░+ +45\.2% {2}8 cores, 3200 MHz$/m);
      expect(text).toMatch(/^disk +░+ +– {2}– of – free$/m);
      expect(text).toMatch(/^gpu 0 +█+ +100\.0% /m);
      expect(text).toMatch(/^network +↓ 0 B\/s {2}↑ 1\.5 KB\/s$/m);
      expect(text).toMatch(/^dep-1 .*running +healthy +1h 1m/m);
      expect(text).toMatch(/^… and \d+ more$/m);
      if (rows >= 24) expect(lines.at(-1)).toContain("number 300");
    });
  }

  test("shows what is known so far, and what the connection is doing", () => {
    const state = new WatchState();
    state.connection = "reconnecting";
    state.notice = "cannot reach it: nothing listens there";
    const [head] = watchLines(state, url, 120, 24, uncoloured);
    expect(head).toStartWith(`llm-manager  ${url}  ○ reconnecting  cannot reach it: nothing listens there`);
    state.models = { total_models: 0, running_models: 0, failed_models: 0, models: [] };
    expect(watchLines(state, url, 80, 24, uncoloured).join("\n")).toContain("llm-manager deployments create");
  });

  test("shows a change of status at once, and drops an alert that is resolved", () => {
    const state = fullState();
    const details = { name: "x", model_source: "local", port: null };
    const event = { event: "deployment_failed", status: "failed", message: "", details, created_at } as const;
    state.applyDeploymentEvent({ ...event, deployment_id: "dep-2", model_id: "m", event_id: "evt-1" });
    expect(watchLines(state, url, 200, 60, uncoloured).join("\n")).toMatch(/^dep-2 .*failed/m);
    for (let n = 1; n <= 9; n++) state.setAlert({ ...alert(n), state: "resolved" });
    expect(watchLines(state, url, 200, 60, uncoloured).join("\n")).not.toContain("Alerts");
  });
});

describe("watch into a pipe", () => {
  test("prints each event as one line of JSON, also over a lost connection, until it is interrupted", async () => {
    await using server = await new StreamServer().listen();
    const child = startCli(["watch", "--json", "--streams", "activity_stream", "--url", server.url]);
    const notes = linesOf(child.stderr);
    expect((await notes.next()).value).toBe(`connected to ${server.url}`);
    while (!server.io.sockets.adapter.rooms.has("activity_stream")) await new Promise((r) => setImmediate(r));
    const lines = linesOf(child.stdout);
    server.write();
    expect(JSON.parse(String((await lines.next()).value))).toEqual(server.history[0]);
    server.cut();
    expect((await notes.next()).value).toBe(`lost the connection to ${server.url}; reconnecting`);
    server.write();
    expect(JSON.parse(String((await lines.next()).value))).toEqual({ ...server.history[1], replayed: true });
    child.kill("SIGINT");
    const [code] = await once(child, "exit");
    expect(code).toBe(0);
  });

  test("ends with the server's reason where a stream is refused", async () => {
    await using server = await new StreamServer().listen();
    const child = startCli(["watch", "--streams", "system_alerts", "--url", server.url]);
    const notes = linesOf(child.stderr);
    await notes.next();
    expect((await notes.next()).value).toBe("error: Not yours.");
    const [code] = await once(child, "exit");
    expect(code).toBe(1);
  });
});
