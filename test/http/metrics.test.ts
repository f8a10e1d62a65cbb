import { describe, expect, setDefaultTimeout, test } from "bun:test";
import parse from "parse-prometheus-text-format";
import { eventLoopLag } from "../../src/http/event-loop-lag.ts";
import type { Reading } from "../../src/http/metric-source.ts";
import { Metrics } from "../../src/http/metrics.ts";
import { FakeClock } from "../fake-clock.ts";
import { must } from "../rest.ts";
import { serverProcess } from "../server-process.ts";
import { connectClient } from "../socket-client.ts";

setDefaultTimeout(60_000);

/** https://prometheus.io/docs/practices/naming: base units, and none that is scaled. */
const SCALED = /_(?:ms|millis\w*|micros\w*|minutes|hours|days|kb|mb|gb|kib|mib|gib|percent|kilobytes|megabytes)(?:_|$)/;

describe("the metrics of a real server", () => {
  test("are what a parser of Prometheus' format takes, named and labelled as Prometheus wants it", async () => {
    await using server = await serverProcess();
    using websocket = await connectClient(server.url, "websocket");
    using polling = await connectClient(server.url, "polling");
    for (const client of [websocket, polling]) {
      client.socket.emit("subscribe_activity_stream");
      await client.next("subscribed");
    }
    await must(server.url, "POST", "/models", { model_id: "llama", name: "Llama", model_source: "local" });
    await must(server.url, "POST", "/deployments", { model_id: "llama", runtime: "external", port: 9 });
    const made = await must(server.url, "POST", "/backups");
    const scrape = async () => parse(await (await fetch(`${server.url}/metrics`)).text());
    await scrape();
    const families = new Map((await scrape()).map((family) => [family.name, family]));

    for (const { name, help, type, metrics } of families.values()) {
      expect(name).toMatch(/^(?:llm_manager|process)_[a-z][a-z0-9_]*[a-z0-9]$/);
      expect(help.length).toBeGreaterThan(5);
      expect(name).not.toMatch(SCALED);
      expect({ name, counter: type === "COUNTER" }).toEqual({ name, counter: name.endsWith("_total") });
      expect(metrics.length).toBeLessThan(100);
      for (const { value } of metrics) if (value !== undefined) expect(Number(value)).not.toBeNaN();
    }
    const value = (name: string, labels: Readonly<Record<string, string>> = {}) => {
      const found = families
        .get(name)
        ?.metrics.find((metric) => Object.entries(labels).every(([key, one]) => metric.labels?.[key] === one));
      return found?.value === undefined ? undefined : Number(found.value);
    };
    expect(value("llm_manager_build_info")).toBe(1);
    expect(value("llm_manager_socket_clients", { transport: "websocket" })).toBe(1);
    expect(value("llm_manager_socket_clients", { transport: "polling" })).toBe(1);
    expect(value("llm_manager_stream_subscriptions", { stream: "activity_stream" })).toBe(2);
    expect(value("llm_manager_stream_subscriptions", { stream: "model_status" })).toBe(0);
    expect(value("llm_manager_socket_unsent_bytes")).toBeGreaterThanOrEqual(0);
    expect(value("llm_manager_memory_usage_ratio")).toBeWithin(0, 1);
    expect(value("llm_manager_network_receive_bytes_total")).toBeGreaterThanOrEqual(0);
    expect(value("llm_manager_deployments", { status: "deploying" })).toBe(1);
    expect(value("llm_manager_deployments", { status: "running" })).toBe(0);
    expect(value("llm_manager_deployment_up", { deployment_id: "dep-1", model_id: "llama" })).toBe(0);
    expect(value("llm_manager_alerts_firing", { severity: "critical" })).toBeGreaterThanOrEqual(0);
    expect(value("llm_manager_store_size_bytes")).toBeGreaterThan(50_000);
    expect(value("llm_manager_activities")).toBeGreaterThanOrEqual(2);
    expect(value("llm_manager_search_index_pending")).toBeGreaterThanOrEqual(0);
    expect(value("llm_manager_last_backup_size_bytes")).toBe(made.size_bytes);
    expect(value("llm_manager_last_backup_timestamp_seconds")).toBeCloseTo(Date.now() / 1000, -2);
    expect(value("llm_manager_event_loop_lag_seconds")).toBeGreaterThanOrEqual(0);
  });
});

describe("a metric that a room knows", () => {
  test("is asked for at each scrape, and what is gone is not shown any more", async () => {
    let now: readonly Reading[] = [
      { labels: { gpu: "0" }, value: 1 },
      { labels: { gpu: "1" }, value: 2 },
    ];
    const metrics = new Metrics([{ name: "test_gpu_ratio", help: "Of each", labels: ["gpu"], read: () => now }]);
    const shown = async () =>
      parse(await (await metrics.response()).text()).find(({ name }) => name === "test_gpu_ratio")?.metrics ?? [];
    expect(await shown()).toHaveLength(2);
    now = [{ labels: { gpu: "1" }, value: null }];
    expect((await shown()).filter(({ labels }) => labels !== undefined)).toEqual([]);
  });

  test("without a value now has no line, also without labels", async () => {
    const metrics = new Metrics([
      { name: "test_last_backup_size_bytes", help: "Not yet", read: () => undefined },
      { name: "test_sent_bytes_total", help: "Unknown", type: "counter", read: () => null },
    ]);
    const text = await (await metrics.response()).text();
    expect(text).not.toMatch(/^test_/m);
  });
});

describe("event loop lag", () => {
  test("is the longest wait since the scrape before, measured only while somebody asks", async () => {
    const clock = new FakeClock();
    const lag = eventLoopLag(clock);
    expect(clock.pending).toBe(0);
    expect(lag.read()).toBeNull();
    await clock.advance(5_000);
    expect(lag.read()).toBe(0);
    await clock.stall(2_250);
    await clock.advance(3_000);
    expect(lag.read()).toBeCloseTo(1.75, 5);
    await clock.advance(2_000);
    expect(lag.read()).toBe(0);
    await clock.advance(11 * 60_000);
    expect(clock.pending).toBe(0);
    expect(lag.read()).toBeNull();
  });
});
