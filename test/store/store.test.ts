import { describe, expect, test } from "bun:test";
import { chmodSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { migrations } from "../../db/migrations.ts";
import { activities, models } from "../../db/schema.ts";
import { StorageError, sqliteCode } from "../../src/store/errors.ts";
import { migrate } from "../../src/store/migrate.ts";
import type { Store, Tx } from "../../src/store/store.ts";
import { tempDir } from "../temp-dir.ts";
import { openStore, tempStore } from "../temp-store.ts";

const row = (modelId: string) => ({ modelId, name: "M", modelSource: "local", tags: [], createdAt: 1, updatedAt: 1 });
const health = (deploymentId: string) =>
  ({
    type: "deployment_health",
    event: { deploymentId, modelId: "m", name: "M", health: "healthy", failures: 0, threshold: 3, reason: null },
  }) as const;

test("nobody else can read the database, also in a directory that somebody made for all", () => {
  using dir = tempDir();
  chmodSync(dir.path, 0o755);
  for (const found of ["new", "found readable"]) {
    using store = openStore(dir.path);
    store.write((tx) => tx.db.insert(models).values(row(found)).run());
    const files = readdirSync(dir.path).filter((name) => name.startsWith("llm-manager.sqlite"));
    expect(files.length).toBeGreaterThan(1);
    for (const name of files) {
      expect([name, statSync(join(dir.path, name)).mode & 0o777]).toEqual([name, 0o600]);
    }
    chmodSync(join(dir.path, "llm-manager.sqlite"), 0o644);
  }
});

describe("write", () => {
  test("tells what happened after the commit, and not before", () => {
    using temp = tempStore();
    const seen: number[] = [];
    temp.store.bus.on("deployment_health", () => seen.push(temp.store.db.select().from(models).all().length));
    temp.store.write((tx) => {
      tx.emit(health("dep-1"));
      tx.db.insert(models).values(row("a")).run();
      expect(seen).toEqual([]);
    });
    expect(seen).toEqual([1]);
  });

  test("a failed write leaves neither rows nor events", () => {
    using temp = tempStore();
    const seen: string[] = [];
    temp.store.bus.on("deployment_health", (event) => seen.push(event.deploymentId));
    const broken = (tx: Tx) => {
      tx.db.insert(models).values(row("a")).run();
      tx.emit(health("dep-1"));
      throw new Error("changed my mind");
    };
    expect(() => temp.store.write(broken)).toThrow("changed my mind");
    expect(temp.store.db.select().from(models).all()).toEqual([]);
    expect(seen).toEqual([]);
  });

  test("a listener may write; its events follow in commit order", () => {
    using temp = tempStore();
    const seen: string[] = [];
    temp.store.bus.on("deployment_health", (event) => {
      if (event.deploymentId === "dep-1") temp.store.write((tx) => tx.emit(health("dep-2")));
    });
    temp.store.bus.on("deployment_health", (event) => seen.push(event.deploymentId));
    temp.store.write((tx) => tx.emit(health("dep-1")));
    expect(seen).toEqual(["dep-1", "dep-2"]);
  });

  test("a write inside a write is refused, so that no event can precede its commit", () => {
    using temp = tempStore();
    expect(() => temp.store.write(() => temp.store.write(() => {}))).toThrow("write() inside write()");
  });

  test("a full disk is a storage_full error, and writing goes on when there is room again", () => {
    using temp = tempStore();
    const sqlite = (temp.store.db as unknown as { $client: Database.Database }).$client;
    const pages = Number(sqlite.pragma("page_count", { simple: true }));
    sqlite.pragma(`max_page_count = ${pages}`);
    const fill = () =>
      temp.store.write((tx) =>
        tx.db
          .insert(models)
          .values({ ...row("big"), description: "x".repeat(1e6) })
          .run(),
      );
    expect(fill).toThrow(StorageError);
    expect(fill).toThrow(expect.objectContaining({ code: "storage_full" }));
    sqlite.pragma("max_page_count = 1000000");
    fill();
    expect(temp.store.db.select().from(models).all()).toHaveLength(1);
  });

  test("ids are never used twice, even after a deletion", () => {
    using temp = tempStore();
    const values = { activityType: "user_operation", message: "m", severity: "info", extraData: {}, createdAt: 1 };
    const insert = () => temp.store.write((tx) => tx.db.insert(activities).values(values).returning().get().id);
    const first = insert();
    temp.store.write((tx) => tx.db.delete(activities).run());
    expect(insert()).toBe(first + 1);
  });
});

describe("opening a data directory", () => {
  test("what was written is there after a restart", () => {
    using dir = tempDir();
    const write = (store: Store) => store.write((tx) => tx.db.insert(models).values(row("a")).run());
    {
      using store = openStore(dir.path);
      write(store);
    }
    using again = openStore(dir.path);
    expect(again.db.select().from(models).all()).toHaveLength(1);
    expect(again.backup).toBeUndefined();
  });

  test("a second process is refused with the first one's number, and admitted when that one is gone", () => {
    using dir = tempDir();
    {
      using _first = openStore(dir.path);
      expect(() => openStore(dir.path)).toThrow(`in use by another llm-manager (process ${process.pid})`);
    }
    openStore(dir.path)[Symbol.dispose]();
  });

  test("a database newer than the program is refused and left alone", () => {
    using dir = tempDir();
    openStore(dir.path)[Symbol.dispose]();
    const file = join(dir.path, "llm-manager.sqlite");
    const newer = new Database(file);
    newer.pragma("user_version = 999");
    newer.close();
    expect(() => openStore(dir.path)).toThrow("schema version 999");
    const after = new Database(file);
    expect(after.pragma("user_version", { simple: true })).toBe(999);
    after.close();
  });

  test("a damaged database is refused by name", () => {
    using dir = tempDir();
    writeFileSync(
      join(dir.path, "llm-manager.sqlite"),
      "this is not a database at all, but long enough to be read".repeat(20),
    );
    expect(() => openStore(dir.path)).toThrow(/llm-manager\.sqlite is damaged \(SQLITE_NOTADB\)/);
  });

  test("a directory that cannot be made is refused by name", () => {
    using dir = tempDir();
    const file = join(dir.path, "file");
    writeFileSync(file, "");
    expect(() => openStore(join(file, "data"))).toThrow(`${join(file, "data")} cannot be used`);
  });
});

describe("migrations", () => {
  const next = { tag: "next", sql: "CREATE TABLE later (id INTEGER)" };
  const broken = { tag: "broken", sql: "CREATE TABLE half (id INTEGER); CREATE TABLE half (id INTEGER);" };

  test("an upgrade copies the database first; an interrupted one goes on where it stopped", () => {
    using dir = tempDir();
    const db = new Database(join(dir.path, "db.sqlite"));
    const backups = join(dir.path, "backups");
    expect(migrate(db, migrations, backups)).toBeUndefined();
    db.prepare("INSERT INTO activities VALUES (7, 'user_operation', 'kept', 'info', NULL, NULL, '{}', 1)").run();

    expect(() => migrate(db, [...migrations, next, broken], backups)).toThrow("half");
    expect(db.pragma("user_version", { simple: true })).toBe(migrations.length + 1);
    expect(db.prepare("SELECT name FROM sqlite_master WHERE name = 'half'").get()).toBeUndefined();

    const fixed = { tag: "broken", sql: "CREATE TABLE whole (id INTEGER)" };
    const copy = migrate(db, [...migrations, next, fixed], backups);
    expect(db.pragma("user_version", { simple: true })).toBe(migrations.length + 2);
    db.close();

    expect(readdirSync(backups)).toHaveLength(2);
    const restored = new Database(copy ?? "");
    expect(restored.prepare("SELECT message FROM activities").get()).toEqual({ message: "kept" });
    restored.close();
  });

  test("an upgrade whose copy cannot be written does not happen", () => {
    using dir = tempDir();
    const db = new Database(join(dir.path, "db.sqlite"));
    migrate(db, migrations, join(dir.path, "backups"));
    const inTheWay = join(dir.path, "file");
    writeFileSync(inTheWay, "");
    expect(() => migrate(db, [...migrations, next], join(inTheWay, "backups"))).toThrow();
    expect(db.pragma("user_version", { simple: true })).toBe(migrations.length);
    db.close();
  });
});

test("only SQLite's errors have an SQLite code", () => {
  expect(sqliteCode(new Error("x"))).toBeUndefined();
  expect(sqliteCode(Object.assign(new Error("x"), { code: "ENOENT" }))).toBeUndefined();
  expect(sqliteCode(Object.assign(new Error("x"), { code: "SQLITE_BUSY" }))).toBe("SQLITE_BUSY");
});
