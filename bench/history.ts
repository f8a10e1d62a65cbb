/**
 * `bun bench/history.ts`: 10 million activities and 30 days of figures in one database on this machine's disk. How long a
 * page, a search and a chart take, against their limits; what a write, a minute and a day cost. About 3 GB in the
 * temporary directory, 10 minutes. `BENCH_ACTIVITIES` changes how many.
 */
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Activities, type ActivityQuery } from "../src/activities/activities.ts";
import { systemClock as clock } from "../src/clock.ts";
import { createActivity } from "../src/contract/index.ts";
import { History } from "../src/history/history.ts";
import { tiers } from "../src/history/tiers.ts";
import { Store } from "../src/store/store.ts";
import { percentile, printTable } from "./table.ts";

const ACTIVITIES = Number(process.env.BENCH_ACTIVITIES ?? 10_000_000);
const DAYS = 30;
const DAY_MS = 86_400_000;
const PAGE_LIMIT_MS = 5;
const CHART_LIMIT_MS = 20;
/** 0.3 % of a core, what the whole server may use when idle. */
const MINUTE_LIMIT_MS = 180;
const DEPLOYMENTS = 20;
const RESOURCES = ["cpu", "memory", "disk", "network.recv", "network.sent"];
const OF_DEPLOYMENT = ["up", "healthy", "latency"];

const dir = mkdtempSync(join(tmpdir(), "llm-manager-bench-"));
const file = join(dir, "llm-manager.sqlite");
let missed = 0;
try {
  const onListenerError = (error: unknown) => {
    throw error;
  };
  using store = new Store({ dataDir: dir, synchronous: "full", onListenerError });
  const now = clock.now();
  fillActivities(store, now);
  const bare = statSync(file).size;
  indexAll(store);
  checkpoint(store);
  const indexed = statSync(file).size;
  const activities = new Activities({ store, clock });
  readActivities(activities, now);
  const writes = writeActivities(store, activities);
  const indexing = indexNew(activities);
  fillHistory(store, now);
  checkpoint(store);
  const grown = statSync(file).size - indexed;
  using history = new History({ store, clock, log: quiet(), record: true, maxBytes: 2 ** 40 });
  readCharts(history, now);
  const minute = writeMinutes(history);
  const perRow = historyBytesPerRow(store);
  const series = RESOURCES.length + DEPLOYMENTS * OF_DEPLOYMENT.length;
  const perDay = tiers.reduce((sum, { stepMs }) => sum + DAY_MS / stepMs, 0) * series * perRow;

  printTable(`What it costs: ${ACTIVITIES.toLocaleString("en")} activities, ${series} series`, [
    ["", "", "/ limit"],
    ["activity, one transaction of its own, synced: p50", `${writes.p50.toFixed(2)} ms`, ""],
    ["activity, one transaction of its own, synced: p99", `${writes.p99.toFixed(2)} ms`, ""],
    ["search index, in the background, an activity", `${indexing.toFixed(1)} µs`, ""],
    ["activity on disk, its three indexes included", `${(bare / ACTIVITIES).toFixed(0)} bytes`, ""],
    ["search index on disk, an activity", `${((indexed - bare) / ACTIVITIES).toFixed(0)} bytes`, ""],
    ["figures, one minute: CPU of recording and writing", `${minute.toFixed(1)} ms`, ratio(minute, MINUTE_LIMIT_MS)],
    ["figures, one bucket on disk", `${perRow.toFixed(0)} bytes`, ""],
    ["figures, written a day before old ones make room", `${(perDay / 1e6).toFixed(1)} MB`, ""],
    [`figures, ${DAYS} days as they are kept`, `${(grown / 1e6).toFixed(1)} MB`, ""],
    [`10,000 activities, a day's worth`, `${(((indexed / ACTIVITIES) * 10_000) / 1e6).toFixed(1)} MB`, ""],
  ]);
} finally {
  rmSync(dir, { recursive: true, force: true });
}
if (missed > 0) console.log(`\n  ${missed} limits MISSED.`);
process.exitCode = missed > 0 ? 1 : 0;

function ratio(ms: number, limit: number): string {
  if (ms > limit) missed++;
  return (ms / limit).toFixed(2);
}

/** Rows as a busy machine of 200 deployments writes them, over 30 days, made by SQLite itself. */
function fillActivities(store: Store, now: number): void {
  const step = (DAYS * DAY_MS) / ACTIVITIES;
  const insert = store.statement<[number, number, number, number]>(`
    WITH RECURSIVE n(i) AS (SELECT CAST(? AS INTEGER) UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?),
    r AS (SELECT i, abs(random()) % 1000 AS grave, abs(random()) % 200 AS dep, abs(random()) % 26 AS w, abs(random()) % 90000 AS port FROM n)
    INSERT INTO activities (activity_type, message, severity, resource_type, resource_id, extra_data, created_at)
    SELECT CASE i % 5 WHEN 0 THEN 'model_deployment' WHEN 1 THEN 'model_health_check' WHEN 2 THEN 'download_task'
        WHEN 3 THEN 'user_operation' ELSE 'system_resource_threshold' END,
      'Deployment dep-' || dep || CASE w % 4 WHEN 0 THEN ' failed: out of memory' WHEN 1 THEN ' started' WHEN 2 THEN ' stopped' ELSE ' is healthy again' END
        || ' on port ' || port,
      CASE WHEN grave < 10 THEN 'critical' WHEN grave < 50 THEN 'error' WHEN grave < 200 THEN 'warning' ELSE 'info' END,
      CASE WHEN w < 20 THEN 'deployment' ELSE 'model' END, 'dep-' || dep,
      '{"port":' || port || ',"reason":null}', CAST(? + i * ? AS INTEGER)
    FROM r`);
  const CHUNK = 250_000;
  for (let from = 0; from < ACTIVITIES; from += CHUNK) {
    store.write(() => insert.run(from, Math.min(ACTIVITIES, from + CHUNK), now - DAYS * DAY_MS, step));
  }
  checkpoint(store);
}

/** What the index does in the background a hundred at a time, in larger pieces: it would take a quarter of an hour. */
function indexAll(store: Store): void {
  const insert = store.statement<[number, number]>(
    `INSERT INTO activity_search (rowid, message, resource_id)
     SELECT id, message, resource_id FROM activities WHERE id > ? AND id <= ?`,
  );
  for (let from = 0; from < ACTIVITIES; from += 20_000) store.write(() => insert.run(from, from + 20_000));
  const state = store.statement<[number]>("INSERT INTO activity_state (name, value) VALUES ('indexed', ?)");
  store.write(() => state.run(ACTIVITIES));
}

/** Milliseconds: wall clock, and the CPU's, which knows nothing of what else the machine does meanwhile. */
function timed(samples: number, run: (i: number) => unknown) {
  const times: number[] = [];
  const cpu: number[] = [];
  for (let i = 0; i < samples; i++) {
    const before = process.cpuUsage();
    const start = performance.now();
    run(i);
    times.push(performance.now() - start);
    const { user, system } = process.cpuUsage(before);
    cpu.push((user + system) / 1000);
  }
  return { p50: percentile(times, 0.5), p99: percentile(times, 0.99), cpu: percentile(cpu, 0.99) };
}

function readActivities(activities: Activities, now: number): void {
  const at = (share: number) => `act-${Math.max(1, Math.floor(ACTIVITIES * share))}`;
  const time = (daysAgo: number) => new Date(now - daysAgo * DAY_MS).toISOString();
  const row = (name: string, query: (share: number) => Omit<ActivityQuery, "limit">, limited = true, samples = 300) => {
    // Spread over the whole history, and the first times count as much as the others: caches are as cold as they are.
    const { p50, p99, cpu } = timed(samples, (i) =>
      activities.list({ limit: 50, ...query(((i * 7919) % samples) / samples) }),
    );
    return [
      name,
      p50.toFixed(2),
      p99.toFixed(2),
      cpu.toFixed(2),
      limited ? ratio(cpu, PAGE_LIMIT_MS) : (cpu / PAGE_LIMIT_MS).toFixed(2),
    ];
  };
  printTable(`Pages of 50 out of ${ACTIVITIES.toLocaleString("en")} activities; limit ${PAGE_LIMIT_MS} ms`, [
    ["", "p50 ms", "p99 ms", "p99 CPU ms", "CPU / limit"],
    row("newest", () => ({})),
    row("before any id", (share) => ({ before: at(share) })),
    row("after any id", (share) => ({ after: at(share) })),
    row("one type, before any id", (share) => ({ activity_type: "download_task", before: at(share) })),
    row("one severity, before any id", (share) => ({ severity: "critical", before: at(share) })),
    row("type and severity, before any id", (share) => ({
      activity_type: "user_operation",
      severity: "critical",
      before: at(share),
    })),
    row("one resource, before any id", (share) => ({
      resource_id: "dep-77",
      resource_type: "deployment",
      before: at(share),
    })),
    row("a kind of resource, before any id", (share) => ({ resource_type: "model", before: at(share) })),
    row("one resource, only critical", (share) => ({ resource_id: "dep-77", severity: "critical", before: at(share) })),
    row("an hour of any day", (share) => ({ since: time(share * DAYS + 0.04), until: time(share * DAYS) })),
    row("critical in an hour of any day", (share) => ({
      severity: "critical",
      since: time(share * DAYS + 0.04),
      until: time(share * DAYS),
    })),
  ]);
  printTable(`Searches in ${ACTIVITIES.toLocaleString("en")} activities, pages of 50`, [
    ["", "p50 ms", "p99 ms", "p99 CPU ms", `CPU / ${PAGE_LIMIT_MS} ms`],
    row("a word in every fourth: memory", () => ({ q: "memory" }), false, 50),
    row('a phrase: "out of memory"', () => ({ q: '"out of memory"' }), false, 50),
    row("a port, 1 in 90,000", (share) => ({ q: `${Math.floor(share * 89_999)}` }), false, 50),
    row("a common word and a resource: failed dep-77", () => ({ q: "failed dep-77" }), false, 20),
    row("a beginning: 8123*", () => ({ q: "8123*" }), false, 20),
    row("a common word, only critical", () => ({ q: "memory", severity: "critical" }), false, 20),
    row("a common word, before any id", (share) => ({ q: "memory", before: at(share) }), false, 20),
    row("a word that is nowhere", () => ({ q: "nowhere" }), false, 50),
  ]);
}

function writeActivities(store: Store, activities: Activities) {
  const input = createActivity.parse({
    message: "Deployment dep-77 stopped on port 8000",
    resource_type: "deployment",
    resource_id: "dep-77",
  });
  return timed(2_000, () => store.write((tx) => activities.record(tx, input)));
}

/** Of what was just written, as the background does it. @returns microseconds of CPU an entry. */
function indexNew(activities: Activities): number {
  const { behind } = activities.index;
  const start = process.cpuUsage();
  activities.index.catchUp();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / behind;
}

/** What 30 days leave in each tier. */
function fillHistory(store: Store, now: number): void {
  const names = [
    ...RESOURCES.map((metric) => ["resources", metric] as const),
    ...Array.from({ length: DEPLOYMENTS }, (_, i) =>
      OF_DEPLOYMENT.map((metric) => [`dep-${i + 1}`, metric] as const),
    ).flat(),
  ];
  const series = store.statement<[string, string]>("INSERT INTO history_series (source, metric) VALUES (?, ?)");
  store.write(() => {
    for (const [source, metric] of names) series.run(source, metric);
    for (const { table, stepMs, keepMs, name } of tiers) {
      const newest = Math.floor(now / stepMs);
      const rows = Math.floor(Math.min(keepMs, DAYS * DAY_MS) / stepMs);
      const insert = store.statement<[number, number]>(`
        WITH RECURSIVE b(bucket) AS (SELECT CAST(? AS INTEGER) UNION ALL SELECT bucket + 1 FROM b WHERE bucket < ?)
        INSERT INTO ${table} (series, bucket, avg, min, max, count)
        SELECT s.id, bucket, abs(random() % 100000) / 1000.0, abs(random() % 1000) / 10.0, abs(random() % 1000) / 10.0, ${stepMs / 2_000}
        FROM history_series s, b ORDER BY s.id, bucket`);
      insert.run(newest - rows + 1, newest);
      store
        .statement<[string, number]>("INSERT OR REPLACE INTO history_state (name, value) VALUES (?, ?)")
        .run(`rows:${name}`, rows * names.length);
    }
  });
}

function readCharts(history: History, now: number): void {
  const row = (name: string, source: string, metrics: readonly string[], days: number, points = 300) => {
    const span = { from: now - days * DAY_MS, to: now, points };
    const { p50, p99, cpu } = timed(100, () => JSON.stringify(history.query(source, { metrics, ...span })));
    return [name, p50.toFixed(2), p99.toFixed(2), cpu.toFixed(2), ratio(cpu, CHART_LIMIT_MS)];
  };
  printTable(`Charts over ${DAYS} days of figures, as JSON; limit ${CHART_LIMIT_MS} ms`, [
    ["", "p50 ms", "p99 ms", "p99 CPU ms", "CPU / limit"],
    row("24 hours, one metric", "resources", ["cpu"], 1),
    row("24 hours, five metrics", "resources", [], 1),
    row("24 hours, five metrics, 1,440 points", "resources", [], 1, 1_440),
    row("24 hours, a deployment", "dep-7", [], 1),
    row("1 hour, five metrics", "resources", [], 1 / 24),
    row("6 hours, five metrics", "resources", [], 0.25),
    row("7 days, five metrics", "resources", [], 7),
    row("30 days, five metrics", "resources", [], 30),
  ]);
}

/** CPU, in milliseconds, of what one minute brings: 30 samples of the machine, 12 looks at deployments, one flush. */
function writeMinutes(history: History): number {
  const MINUTES = 30;
  const resources = Object.fromEntries(RESOURCES.map((metric, i) => [metric, i * 10 + 0.5]));
  const deployment = { up: 1, healthy: 1, latency: 2.5 };
  const start = process.cpuUsage();
  for (let minute = 0; minute < MINUTES; minute++) {
    for (let i = 0; i < 30; i++) history.record("resources", 2_000, resources);
    for (let i = 0; i < 12; i++) {
      for (let id = 1; id <= DEPLOYMENTS; id++) history.record(`dep-${id}`, 5_000, deployment);
    }
    history.flush();
  }
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000 / MINUTES;
}

function historyBytesPerRow(store: Store): number {
  const names = tiers.map(({ table }) => `'${table}'`).join();
  const pages = store
    .statement<[], { bytes: number }>(`SELECT sum(pgsize) AS bytes FROM dbstat WHERE name IN (${names})`)
    .get();
  const rows = tiers.map(
    ({ table }) => store.statement<[], { n: number }>(`SELECT count(*) AS n FROM ${table}`).get()?.n ?? 0,
  );
  return (pages?.bytes ?? 0) / rows.reduce((sum, n) => sum + n, 0);
}

function checkpoint(store: Store): void {
  store.statement<[]>("PRAGMA wal_checkpoint(TRUNCATE)").all();
}

function quiet() {
  const nothing = () => {};
  return { error: nothing, warning: nothing, info: nothing };
}
