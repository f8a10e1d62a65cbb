import { describe, expect, test } from "bun:test";
import { appendFileSync, existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { systemClock as clock } from "../../../src/clock.ts";
import type { LogBatch } from "../../../src/deployments/logs/feed.ts";
import { listLog } from "../../../src/deployments/logs/files.ts";
import { DeploymentLogs } from "../../../src/deployments/logs/logs.ts";
import type { LogQuery } from "../../../src/deployments/logs/reader.ts";
import { LogWriter } from "../../../src/deployments/logs/writer.ts";
import { tempDir } from "../../temp-dir.ts";

const MiB = 2 ** 20;
const T0 = Date.UTC(2026, 0, 1);

function rig() {
  const dir = tempDir();
  const directory = join(dir.path, "dep-1");
  const logs = new DeploymentLogs({ directory: dir.path, clock });
  return {
    directory,
    logs,
    open: (change: { begin?: "new" | "continue"; limitBytes?: number } = {}) =>
      new LogWriter({ directory, clock, begin: "new", ...change }),
    /** One start that wrote `count` lines, a second apart. */
    async start(count: number, name = "line", limitBytes = 64 * MiB) {
      const writer = new LogWriter({ directory, clock, begin: "new", limitBytes });
      for (let i = 0; i < count; i++) await writer.write("stdout", Buffer.from(`${name} ${i}\n`), T0 + i * 1000);
      await writer.close();
    },
    read: (query: LogQuery = {}) => all(logs.read("dep-1", query)),
    [Symbol.dispose]() {
      logs[Symbol.dispose]();
      dir[Symbol.dispose]();
    },
  };
}

async function all(batches: AsyncGenerator<LogBatch>) {
  const lines: LogBatch["lines"][number][] = [];
  for await (const batch of batches) lines.push(...batch.lines);
  return lines;
}

const texts = (lines: readonly { text: string }[]) => lines.map(({ text }) => text);

/** Takes batches until `count` lines are there. */
async function take(batches: AsyncGenerator<LogBatch>, count: number) {
  const lines: LogBatch["lines"][number][] = [];
  let dropped = 0;
  while (lines.length < count) {
    const { value, done } = await batches.next();
    if (done) break;
    lines.push(...value.lines);
    dropped += value.dropped;
  }
  return { lines, dropped };
}

describe("reading", () => {
  test("gives what is there, with times, streams and cursors that lead on", async () => {
    using t = rig();
    await t.start(5);
    const lines = await t.read();
    expect(texts(lines)).toEqual(["line 0", "line 1", "line 2", "line 3", "line 4"]);
    expect(lines[2]).toMatchObject({ timestamp: "2026-01-01T00:00:02.000Z", stream: "stdout", partial: false });
    for (const [i, line] of lines.entries()) {
      expect(texts(await t.read({ after: line.cursor }))).toEqual(texts(lines.slice(i + 1)));
    }
  });

  test("of nothing is nothing", async () => {
    using t = rig();
    expect(await t.read()).toEqual([]);
    expect(await t.read({ tail: 3, start: "previous" })).toEqual([]);
  });

  test("from the end or since a time gives exactly those lines, however far they are in the file", async () => {
    using t = rig();
    await t.start(20_000);
    for (const tail of [0, 1, 7, 1_500, 19_999, 20_000, 30_000]) {
      const lines = await t.read({ tail });
      expect(lines.length).toBe(Math.min(tail, 20_000));
      expect(lines.at(-1)?.text).toBe(tail === 0 ? undefined : "line 19999");
    }
    for (const second of [0, 1, 9_999, 12_345, 19_999, 20_000]) {
      const lines = await t.read({ since: new Date(T0 + second * 1000).toISOString() });
      expect(lines.length).toBe(20_000 - second);
      expect(lines[0]?.text).toBe(second === 20_000 ? undefined : `line ${second}`);
    }
    const both = await t.read({ tail: 10, since: new Date(T0 + 19_995_000).toISOString() });
    expect(both.length).toBe(5);
  });

  test("knows this start and the one before, and a cursor goes on over both", async () => {
    using t = rig();
    await t.start(3, "first");
    await t.start(2, "second");
    expect(texts(await t.read())).toEqual(["second 0", "second 1"]);
    const previous = await t.read({ start: "previous" });
    expect(texts(previous)).toEqual(["first 0", "first 1", "first 2"]);
    expect(texts(await t.read({ after: previous[1]?.cursor }))).toEqual(["first 2", "second 0", "second 1"]);
  });

  test("from a cursor that is no longer kept says how much is missing", async () => {
    using t = rig();
    const writer = t.open({ limitBytes: MiB });
    await writer.write("stdout", Buffer.from("first\n"));
    await writer.close();
    const first = (await t.read())[0]?.cursor;
    const again = t.open({ begin: "continue", limitBytes: MiB });
    for (let i = 0; i < 40; i++) await again.write("stdout", Buffer.alloc(64 * 1024, "x".repeat(99).concat("\n")));
    await again.close();
    const oldest = listLog(t.directory)[0]?.offset ?? 0;
    const [gap, next] = await t.read({ after: first });
    expect(gap).toMatchObject({ stream: "system" });
    expect(gap?.text).toMatch(/^[0-9]+ bytes are left out here/);
    expect(Number.parseInt(gap?.text ?? "", 10)).toBe(oldest - Number(first?.split("-")[1]));
    expect(next?.text).toContain("bytes of this start came before this");
    expect(gap?.cursor).toBe(`1-${oldest}`);
  });

  test("refuses what is no cursor", () => {
    using t = rig();
    expect(() => t.logs.read("dep-1", { after: "x" })).toThrow("no place in a log");
  });
});

describe("following", () => {
  test("gives the tail, then what comes, over rotation and a new start, each line once", async () => {
    using t = rig();
    await t.start(10, "before");
    const stop = new AbortController();
    const following = t.logs.follow("dep-1", { tail: 2 }, stop.signal);
    const got = texts((await take(following, 2)).lines);
    expect(got).toEqual(["before 8", "before 9"]);
    const writer = t.open({ begin: "continue", limitBytes: MiB });
    const wanted: string[] = [];
    for (let i = 0; i < 600; i++) {
      const text = `${i} ${"y".repeat(1_000)}`;
      wanted.push(text);
      await writer.write("stderr", Buffer.from(`${text}\n`));
    }
    await writer.close();
    const engine = (await take(following, 601)).lines.filter(({ stream }) => stream === "stderr");
    expect(texts(engine)).toEqual(wanted);
    await t.start(3, "after");
    expect(texts((await take(following, 3)).lines)).toEqual(["after 0", "after 1", "after 2"]);
    stop.abort();
    expect((await following.next()).done).toBe(true);
  });

  test("begins before there is any log, and when many follow each gets every line", async () => {
    using t = rig();
    const stop = new AbortController();
    const followers = Array.from({ length: 20 }, () => t.logs.follow("dep-1", {}, stop.signal));
    const taken = Promise.all(followers.map((following) => take(following, 100)));
    await t.start(100);
    for (const { lines } of await taken)
      expect(texts(lines)).toEqual(Array.from({ length: 100 }, (_, i) => `line ${i}`));
    stop.abort();
    for (const following of followers) expect((await following.next()).done).toBe(true);
  });

  test("a line that is half written is not taken for two", async () => {
    using t = rig();
    await t.start(1);
    const path = join(t.directory, "1-0.log");
    appendFileSync(path, "2026-01-01T00:00:01.000Z stdout F half");
    const stop = new AbortController();
    const following = t.logs.follow("dep-1", {}, stop.signal);
    expect(texts((await take(following, 1)).lines)).toEqual(["line 0"]);
    const next = take(following, 1);
    appendFileSync(path, " and half\n");
    expect(texts((await next).lines)).toEqual(["half and half"]);
    stop.abort();
  });

  test("who is too slow loses the oldest and is told how many; who is not loses none", async () => {
    using t = rig();
    await t.start(1);
    const stop = new AbortController();
    const slow = t.logs.follow("dep-1", { tail: 1 }, stop.signal);
    const quick = t.logs.follow("dep-1", { tail: 1 }, stop.signal);
    await Promise.all([take(slow, 1), take(quick, 1)]);
    const first = slow.next();
    const writer = t.open({ begin: "continue" });
    for (let i = 0; i < 90; i++) {
      const lines = Array.from({ length: 100 }, (_, n) => String(i * 100 + n));
      const taken = take(quick, 100);
      await writer.write("stdout", Buffer.from(lines.map((line) => `${line}\n`).join("")));
      expect(await taken).toMatchObject({ dropped: 0, lines: lines.map((text) => ({ text })) });
    }
    const { value } = await first;
    const seen = (value as LogBatch).lines.length;
    const rest = await take(slow, 4_096);
    expect(rest.dropped).toBe(9_000 - 4_096 - seen);
    expect(rest.lines.at(-1)?.text).toBe("8999");
    await writer.close();
    stop.abort();
  });

  test("a log that grows faster than it is read is passed over, and that is said", async () => {
    using t = rig();
    await t.start(1);
    const stop = new AbortController();
    const following = t.logs.follow("dep-1", {}, stop.signal);
    await take(following, 1);
    const line = `2026-01-01T00:00:01.000Z stdout F ${"z".repeat(127)}\n`;
    appendFileSync(join(t.directory, "1-0.log"), `${line.repeat(100_000)}2026-01-01T00:00:02.000Z stdout F the last\n`);
    const lines: string[] = [];
    while (lines.at(-1) !== "the last") lines.push(...texts((await take(following, 1)).lines));
    expect(lines.some((text) => /^[0-9]+ bytes are left out here/.test(text))).toBe(true);
    stop.abort();
  });

  test("ends when the server shuts down, and when the deployment is removed", async () => {
    using t = rig();
    await t.start(1);
    const never = new AbortController().signal;
    const removed = t.logs.follow("dep-1", {}, never);
    await take(removed, 1);
    const end = removed.next();
    await t.logs.remove("dep-1");
    expect((await end).done).toBe(true);
    expect(existsSync(t.directory)).toBe(false);
    const open = t.logs.follow("dep-1", {}, never);
    const next = open.next();
    t.logs[Symbol.dispose]();
    expect((await next).done).toBe(true);
  });
});

test("logs of deployments that are no more are removed at the start, and nothing else", () => {
  using t = rig();
  for (const name of ["dep-1", "dep-2", "notes"]) mkdirSync(join(t.directory, "..", name), { recursive: true });
  t.logs.sweep(new Set(["dep-2"]));
  expect(existsSync(t.directory)).toBe(false);
  expect(existsSync(join(t.directory, "..", "dep-2"))).toBe(true);
  expect(existsSync(join(t.directory, "..", "notes"))).toBe(true);
  rmSync(t.directory, { recursive: true, force: true });
});
