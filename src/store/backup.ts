import { randomUUID } from "node:crypto";
import {
  chmodSync,
  closeSync,
  constants,
  copyFileSync,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import Database from "better-sqlite3";
import { migrations } from "../../db/migrations.ts";
import { BackupError, sqliteCode, storageError } from "./errors.ts";
import { lockDataDirectory } from "./lock.ts";

/** Name of the database in its data directory. */
export const DATABASE_FILE = "llm-manager.sqlite";

/** What marks a copy that is not complete yet. */
export const PARTIAL = ".partial";

/** Pages copied before everything else has a turn: 256 KiB, about half a millisecond. */
const PAGES_PER_STEP = 64;

/** What a copy of the database holds. */
export interface BackupFacts {
  readonly schemaVersion: number;
  readonly bytes: number;
  readonly models: number;
  readonly deployments: number;
  readonly activities: number;
}

/**
 * Copies a database that is in use to `file`, consistently and a little at a time: what is written meanwhile is in the
 * copy or not, but never in part. Under its name the file is complete and on the disk from its first moment on.
 *
 * @throws StorageError when it cannot be written; the reason of `signal` when that is aborted.
 */
export async function copyDatabase(db: Database.Database, file: string, signal?: AbortSignal): Promise<void> {
  const partial = `${file}.${randomUUID().slice(0, 8)}${PARTIAL}`;
  try {
    await (await open(partial, "wx", 0o600)).close();
    await copyPages(db, partial, signal);
    // The copy has the mark of a write-ahead log; without it, it is one file that can be read where nothing can be written.
    using copy = disposable(new Database(partial));
    copy.value.pragma("journal_mode = DELETE");
    copy[Symbol.dispose]();
    await syncFile(partial);
    await rename(partial, file);
    await syncDirectory(dirname(file));
  } catch (error) {
    for (const suffix of ["", "-journal", "-wal", "-shm"]) await rm(`${partial}${suffix}`, { force: true });
    signal?.throwIfAborted();
    throw isDiskFull(error)
      ? storageError(Object.assign(new Error(messageOf(error)), { code: "SQLITE_FULL" }))
      : storageError(error);
  }
}

async function copyPages(db: Database.Database, partial: string, signal: AbortSignal | undefined): Promise<void> {
  await using target = await open(partial, "r+");
  let copying = true;
  // SQLite syncs the whole file in the end, during which nothing else can happen: so most of it is on the disk by then.
  const syncing = (async () => {
    while (copying) {
      await target.datasync();
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  })();
  try {
    await db.backup(partial, {
      progress() {
        signal?.throwIfAborted();
        return PAGES_PER_STEP;
      },
    });
  } finally {
    copying = false;
    await syncing;
  }
}

/**
 * Looks whether `file` is a whole database of ours that this version can use: every page, every index, every reference.
 *
 * @throws BackupError that says what is wrong with it.
 */
export function checkBackup(file: string): BackupFacts {
  if (!existsSync(file)) throw new BackupError(`${file} does not exist.`);
  // To open a pipe may never end.
  if (!statSync(file).isFile()) throw new BackupError(`${file} is no file.`);
  try {
    using opened = disposable(new Database(file, { readonly: true, fileMustExist: true }));
    const db = opened.value;
    const [problem] = db.pragma("integrity_check(1)") as { integrity_check: string }[];
    if (problem?.integrity_check !== "ok") throw new BackupError(`${file} is damaged: ${problem?.integrity_check}.`);
    const schemaVersion = Number(db.pragma("user_version", { simple: true }));
    if (schemaVersion < 1) throw new BackupError(`${file} is not a database of llm-manager.`);
    if (schemaVersion > migrations.length) {
      throw new BackupError(
        `${file} has schema version ${schemaVersion}, this llm-manager knows versions up to ${migrations.length}. ` +
          "Use the newer llm-manager that wrote it.",
      );
    }
    const dangling = (db.pragma("foreign_key_check") as unknown[]).length;
    if (dangling > 0)
      throw new BackupError(`${file} is damaged: ${dangling} of its rows refer to rows that are not there.`);
    const count = (table: string) => db.prepare<[], { n: number }>(`SELECT count(*) AS n FROM ${table}`).get()?.n ?? 0;
    return {
      schemaVersion,
      bytes: statSync(file).size,
      models: count("models"),
      deployments: count("deployments"),
      activities: count("activities"),
    };
  } catch (error) {
    if (error instanceof BackupError) throw error;
    throw new BackupError(`${file} is not a whole database (${sqliteCode(error) ?? messageOf(error)}).`, {
      cause: error,
    });
  }
}

/**
 * Copies the database of a data directory that no server has.
 *
 * @throws DataDirectoryError when one has it; BackupError when there is none; StorageError.
 */
export async function backUpDirectory(dataDir: string, file: string): Promise<void> {
  const source = join(dataDir, DATABASE_FILE);
  if (!existsSync(source)) throw new BackupError(`There is no database in ${dataDir}. Set DATA_DIR or --data-dir.`);
  using _lock = lockDataDirectory(dataDir);
  using db = disposable(new Database(source, { fileMustExist: true }));
  await copyDatabase(db.value, file);
}

/**
 * Puts a copy of `file` in the place of a data directory's database. What was there is kept.
 *
 * However this is ended, the directory has either the database it had or the whole new one.
 *
 * @returns where the database is that was there before; undefined when there was none.
 * @throws DataDirectoryError when a server has the directory; BackupError when `file` cannot be used.
 */
export function restoreDirectory(dataDir: string, file: string): { facts: BackupFacts; kept: string | undefined } {
  checkBackup(file);
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  using _lock = lockDataDirectory(dataDir);
  const target = join(dataDir, DATABASE_FILE);
  const partial = `${target}.${randomUUID().slice(0, 8)}${PARTIAL}`;
  try {
    // By SQLite, not as a file: of a database that was copied as it lay there, the newest part is in the log beside it.
    using source = disposable(new Database(file, { readonly: true, fileMustExist: true }));
    source.value.prepare("VACUUM INTO ?").run(partial);
    chmodSync(partial, 0o600);
    // What was copied is checked, too: the disk may be full, or the file may have changed.
    const facts = checkBackup(partial);
    syncFileNow(partial);
    const kept = existsSync(target) ? keep(dataDir, target) : undefined;
    renameSync(partial, target);
    return { facts, kept };
  } catch (error) {
    rmSync(partial, { force: true });
    throw error;
  }
}

/** Gives the present database a second name, so that its place can be taken without ever being empty. */
function keep(dataDir: string, target: string): string {
  const backups = join(dataDir, "backups");
  mkdirSync(backups, { recursive: true, mode: 0o700 });
  const stamp = new Date().toISOString().replaceAll(/[:.]/g, "-");
  const kept = join(backups, `llm-manager-before-restore-${stamp}.sqlite`);
  try {
    // Takes over what is only in its log yet; a database that cannot be opened is kept as it is, log and all.
    using db = disposable(new Database(target));
    db.value.pragma("wal_checkpoint(TRUNCATE)");
    db.value.pragma("journal_mode = DELETE");
  } catch (error) {
    if (sqliteCode(error) === undefined) throw error;
  }
  try {
    linkSync(target, kept);
  } catch {
    // Not every file system knows second names.
    copyFileSync(target, kept, constants.COPYFILE_EXCL);
  }
  for (const suffix of ["-wal", "-shm"]) {
    if (existsSync(`${target}${suffix}`)) renameSync(`${target}${suffix}`, `${kept}${suffix}`);
  }
  return kept;
}

async function syncFile(file: string): Promise<void> {
  await using handle = await open(file, "r+");
  await handle.sync();
}

/** So that a new name survives a power loss. Not every system can do that with a directory. */
async function syncDirectory(directory: string): Promise<void> {
  if (process.platform === "win32") return;
  await using handle = await open(directory, "r");
  await handle.sync();
}

function syncFileNow(file: string): void {
  const descriptor = openSync(file, "r+");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function disposable(value: Database.Database): Disposable & { readonly value: Database.Database } {
  return { value, [Symbol.dispose]: () => void value.close() };
}

function isDiskFull(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "ENOSPC" || error.code === "EDQUOT");
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
