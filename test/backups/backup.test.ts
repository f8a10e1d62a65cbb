import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, existsSync, readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { migrations } from "../../db/migrations.ts";
import { Activities } from "../../src/activities/activities.ts";
import { Backups } from "../../src/backups/backups.ts";
import { createActivity } from "../../src/contract/index.ts";
import { backUpDirectory, checkBackup, DATABASE_FILE, restoreDirectory } from "../../src/store/backup.ts";
import type { Store, Tx } from "../../src/store/store.ts";
import { FakeClock } from "../fake-clock.ts";
import { must, send } from "../rest.ts";
import { serverProcess } from "../server-process.ts";
import { tempDir } from "../temp-dir.ts";
import { openStore, tempStore } from "../temp-store.ts";

setDefaultTimeout(60_000);

/** Two activities in one transaction: an odd number of them would be half of one. */
function pair(activities: Activities) {
  return (tx: Tx) => {
    for (let i = 0; i < 2; i++) activities.record(tx, createActivity.parse({ message: "x".repeat(500) }));
  };
}

function fill(store: Store, count: number): Activities {
  const activities = new Activities({ store, clock: new FakeClock() });
  store.write((tx) => {
    for (let i = 0; i < count; i += 2) pair(activities)(tx);
  });
  return activities;
}

function filled(count: number) {
  const temp = tempStore();
  const activities = fill(temp.store, count);
  return { ...temp, clock: new FakeClock(), pair: pair(activities), [Symbol.dispose]: () => temp[Symbol.dispose]() };
}

const never = new AbortController().signal;
const activitiesIn = (file: string) => checkBackup(file).activities;

describe("a backup", () => {
  test("is whole and consistent while others write, and lets them", async () => {
    using t = filled(20_000);
    const file = join(t.dataDir, "copy.sqlite");
    let written = 0;
    let done = false;
    const copying = t.store.copyTo(file, never).finally(() => {
      done = true;
    });
    while (!done) {
      t.store.write(t.pair);
      written++;
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await copying;
    expect(written).toBeGreaterThan(5);
    expect(activitiesIn(file) % 2).toBe(0);
    expect(activitiesIn(file)).toBeGreaterThanOrEqual(20_000);
    expect(readdirSync(t.dataDir).filter((name) => name.startsWith("copy"))).toEqual(["copy.sqlite"]);
  });

  test("one that is ended early leaves nothing", async () => {
    using t = filled(10_000);
    const abort = new AbortController();
    const copying = t.store.copyTo(join(t.dataDir, "copy.sqlite"), abort.signal);
    abort.abort(new Error("enough"));
    expect(copying).rejects.toThrow("enough");
    await copying.catch(() => {});
    expect(readdirSync(t.dataDir).filter((name) => name.startsWith("copy"))).toEqual([]);
  });

  test("one that cannot be written says so, and leaves nothing", async () => {
    using t = filled(10);
    expect(t.store.copyTo(join(t.dataDir, "nowhere", "copy.sqlite"), never)).rejects.toThrow("ENOENT");
  });

  test("as many as are wanted are kept, others in the directory are left alone, one is made at a time", async () => {
    using t = filled(10);
    const directory = join(t.dataDir, "backups");
    await using backups = new Backups({ store: t.store, directory, keep: 2, clock: t.clock });
    expect(await backups.list()).toEqual([]);
    const first = backups.create();
    expect(() => backups.create()).toThrow("being made");
    const { name } = await first;
    writeFileSync(join(directory, "llm-manager-schema-1-2025.sqlite"), "");
    writeFileSync(join(directory, `${name}.1234.partial`), "left by a server that was killed");
    for (let i = 0; i < 3; i++) {
      await t.clock.advance(1_000);
      await backups.create();
    }
    const names = readdirSync(directory).sort();
    expect(names).toEqual([
      "llm-manager-2025-01-01T12-00-02-000Z.sqlite",
      "llm-manager-2025-01-01T12-00-03-000Z.sqlite",
      "llm-manager-schema-1-2025.sqlite",
    ]);
    for (const bad of ["../llm-manager.sqlite", "llm-manager.lock", name, "llm-manager-..%2fx.sqlite"]) {
      expect(backups.read(bad)).rejects.toThrow("There is no backup");
    }
  });
});

describe("the check", () => {
  test("knows a copy that is cut short, changed, not ours or too new", async () => {
    using t = filled(2_000);
    const good = join(t.dataDir, "good.sqlite");
    await t.store.copyTo(good, never);
    expect(checkBackup(good)).toMatchObject({ schemaVersion: migrations.length, activities: 2_000 });
    const broken = (name: string, harm: (file: string) => void) => {
      const file = join(t.dataDir, `${name}.sqlite`);
      copyFileSync(good, file);
      harm(file);
      return () => checkBackup(file);
    };
    const sql = (text: string) => (file: string) => {
      const db = new Database(file);
      db.exec(text);
      db.close();
    };
    expect(broken("odd", sql("PRAGMA user_version = -1"))).toThrow("is not a database of llm-manager");
    expect(() => checkBackup("/dev/null")).toThrow("is no file");
    expect(broken("short", (file) => truncateSync(file, 300_000))).toThrow(/damaged|not a whole/);
    expect(
      broken("changed", (file) => {
        const bytes = readFileSync(file);
        bytes.fill(0xff, 200_000, 260_000);
        writeFileSync(file, bytes);
      }),
    ).toThrow(/damaged|not a whole/);
    expect(broken("text", (file) => writeFileSync(file, "hello"))).toThrow("not a whole database");
    expect(broken("empty", (file) => writeFileSync(file, ""))).toThrow("not a database of llm-manager");
    expect(broken("new", sql("PRAGMA user_version = 999"))).toThrow("schema version 999");
    expect(broken("gone", sql("DROP TABLE models"))).toThrow("not a whole");
    expect(() => checkBackup(join(t.dataDir, "none.sqlite"))).toThrow("does not exist");
  });
});

describe("a restore", () => {
  test("puts the copy in place and keeps what was there, also what was only in its log", async () => {
    using t = filled(100);
    const file = join(t.dataDir, "copy.sqlite");
    await t.store.copyTo(file, never);
    t.store.write(t.pair);
    expect(() => restoreDirectory(t.dataDir, file)).toThrow("in use by another llm-manager");
    using other = tempDir();
    for (const suffix of ["", "-wal"])
      copyFileSync(join(t.dataDir, DATABASE_FILE + suffix), join(other.path, DATABASE_FILE + suffix));
    const { kept } = restoreDirectory(other.path, file);
    expect(activitiesIn(kept ?? "")).toBe(102);
    expect(activitiesIn(join(other.path, DATABASE_FILE))).toBe(100);
    expect(readdirSync(other.path).filter((name) => name.includes("wal") || name.includes("partial"))).toEqual([]);
    using store = openStore(other.path);
    expect(new Activities({ store, clock: t.clock }).log.newest()).toBe(100);
  });

  test("of a copy with its log beside it, as a killed server leaves them, has what is in the log", async () => {
    using from = tempDir();
    using to = tempDir();
    using taken = tempDir();
    const file = join(taken.path, DATABASE_FILE);
    {
      using store = openStore(from.path);
      fill(store, 2_000);
      for (const end of ["", "-wal"]) copyFileSync(join(from.path, DATABASE_FILE + end), file + end);
    }
    const { facts } = restoreDirectory(to.path, file);
    expect(facts.activities).toBe(2_000);
    expect(activitiesIn(join(to.path, DATABASE_FILE))).toBe(2_000);
    expect(readdirSync(to.path).filter((name) => name.includes("partial"))).toEqual([]);
  });

  test("of what is no whole copy changes nothing", async () => {
    using t = filled(10);
    const bad = join(t.dataDir, "bad.sqlite");
    writeFileSync(bad, "hello");
    using other = tempDir();
    openStore(other.path)[Symbol.dispose]();
    const before = readFileSync(join(other.path, DATABASE_FILE));
    expect(() => restoreDirectory(other.path, bad)).toThrow("not a whole database");
    expect(readFileSync(join(other.path, DATABASE_FILE))).toEqual(before);
    expect(existsSync(join(other.path, "backups"))).toBe(false);
  });

  test("over a damaged database keeps the damaged one", async () => {
    using t = filled(10);
    const file = join(t.dataDir, "copy.sqlite");
    await t.store.copyTo(file, never);
    using other = tempDir();
    writeFileSync(join(other.path, DATABASE_FILE), "no database at all");
    const { kept } = restoreDirectory(other.path, file);
    expect(readFileSync(kept ?? "", "utf8")).toBe("no database at all");
    expect(activitiesIn(join(other.path, DATABASE_FILE))).toBe(10);
  });

  test("of an older version's copy is upgraded by the next start", async () => {
    using dir = tempDir();
    const old = join(dir.path, "old.sqlite");
    const db = new Database(old);
    db.exec(migrations[0]?.sql ?? "");
    db.exec(
      "INSERT INTO activities (activity_type, message, severity, extra_data, created_at) VALUES ('user_operation', 'old words', 'info', '{}', 1)",
    );
    db.pragma("user_version = 1");
    db.close();
    const data = join(dir.path, "data");
    expect(restoreDirectory(data, old)).toMatchObject({ kept: undefined, facts: { schemaVersion: 1 } });
    using store = openStore(data);
    const activities = new Activities({ store, clock: new FakeClock() });
    expect(activities.list({ q: "words", limit: 5 }).items).toHaveLength(1);
  });
});

for (const runtime of ["bun", "deno"] as const) {
  test(`over REST on ${runtime}: made, listed, downloaded whole, deleted`, async () => {
    await using server = await serverProcess({ runtime });
    await must(server.url, "POST", "/activities", { message: "one" });
    const made = await must(server.url, "POST", "/backups");
    expect(await must(server.url, "GET", "/backups")).toEqual({ items: [made] });
    const response = await fetch(`${server.url}/api/v1/backups/${made.name}`);
    const file = join(server.dataDir, "downloaded.sqlite");
    writeFileSync(file, Buffer.from(await response.arrayBuffer()));
    expect(checkBackup(file)).toMatchObject({ bytes: made.size_bytes });
    expect(activitiesIn(file)).toBeGreaterThanOrEqual(1);
    expect((await send(server.url, "DELETE", `/backups/${made.name}`)).status).toBe(204);
    expect((await send(server.url, "GET", `/backups/${made.name}`)).status).toBe(404);
    expect((await send(server.url, "GET", "/backups/..%2Fllm-manager.sqlite")).status).toBe(404);
  });
}

test("kill -9 in the middle of a copy leaves nothing under its name, and no harm", async () => {
  using dir = tempDir();
  {
    using store = openStore(dir.path);
    fill(store, 40_000);
  }
  const program = `
    import { backUpDirectory } from ${JSON.stringify(new URL("../../src/store/backup.ts", import.meta.url).pathname)};
    for (let i = 0; ; i++) { console.log("begin"); await backUpDirectory(process.argv[1], process.argv[1] + "/copy-" + i + ".sqlite"); }
  `;
  for (let round = 0; round < 6; round++) {
    const child = spawn(process.execPath, ["-e", program, dir.path], { stdio: ["ignore", "pipe", "inherit"] });
    await once(child.stdout, "data");
    // Somewhere in the copying, the syncing or the renaming; which does not matter, none may leave half a file.
    await new Promise((resolve) => setTimeout(resolve, round * 17));
    child.kill("SIGKILL");
    await once(child, "exit");
    for (const name of readdirSync(dir.path)) {
      if (name.startsWith("copy-") && name.endsWith(".sqlite")) expect(activitiesIn(join(dir.path, name))).toBe(40_000);
    }
  }
  await backUpDirectory(dir.path, join(dir.path, "after.sqlite"));
  expect(activitiesIn(join(dir.path, "after.sqlite"))).toBe(40_000);
});
