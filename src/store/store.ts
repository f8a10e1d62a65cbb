import { accessSync, chmodSync, closeSync, constants, existsSync, mkdirSync, openSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { type BetterSQLite3Database, drizzle } from "drizzle-orm/better-sqlite3";
import { migrations } from "../../db/migrations.ts";
import * as schema from "../../db/schema.ts";
import { copyDatabase, DATABASE_FILE } from "./backup.ts";
import { Bus, type BusEvent } from "./bus.ts";
import { DataDirectoryError, sqliteCode, storageError } from "./errors.ts";
import { lockDataDirectory } from "./lock.ts";
import { migrate } from "./migrate.ts";

export type Db = BetterSQLite3Database<typeof schema>;

/** What a unit of work gets: the database inside its transaction, and a way to say what happened. */
export interface Tx {
  readonly db: Db;
  /** Tells `event` to the bus once the transaction is committed; never if it is rolled back. */
  emit(event: BusEvent): void;
}

export interface StoreOptions {
  readonly dataDir: string;
  /** `full`: an acknowledged write survives power loss. `normal`: only a crash of the process; five times faster. */
  readonly synchronous: "full" | "normal";
  /** A listener of the bus failed: a bug to be logged. */
  readonly onListenerError: (error: unknown) => void;
}

export function hasDatabase(dataDir: string): boolean {
  return existsSync(join(dataDir, DATABASE_FILE));
}

/** The one SQLite database of a data directory, and the one way to write to it. */
export class Store implements Disposable {
  readonly db: Db;
  readonly bus: Bus;
  /** Where the copy made before a schema upgrade is, if there was one at this start. */
  readonly backup: string | undefined;
  readonly #sqlite: Database.Database;
  readonly #lock: Disposable;

  /** @throws DataDirectoryError when the directory cannot be used, is taken, or its database is damaged or too new. */
  constructor(options: StoreOptions) {
    const { dataDir } = options;
    prepareDirectory(dataDir);
    const file = join(dataDir, DATABASE_FILE);
    this.#lock = lockDataDirectory(dataDir);
    try {
      keepPrivate(file);
      this.#sqlite = new Database(file, { timeout: 5_000 });
      try {
        this.#sqlite.pragma("journal_mode = WAL");
        this.#sqlite.pragma(`synchronous = ${options.synchronous}`);
        this.#sqlite.pragma("foreign_keys = ON");
        // 16 MiB of pages; the default 2 MiB makes deep history pages read the disk.
        this.#sqlite.pragma("cache_size = -16384");
        this.backup = migrate(this.#sqlite, migrations, join(dataDir, "backups"));
      } catch (error) {
        this.#sqlite.close();
        throw error;
      }
    } catch (error) {
      this.#lock[Symbol.dispose]();
      throw openError(file, error);
    }
    this.db = drizzle(this.#sqlite, { schema });
    this.bus = new Bus(options.onListenerError);
  }

  /**
   * Runs `work` in one transaction and, once it is committed, tells the bus what it emitted, in commit order.
   *
   * A push therefore never precedes its commit, and whatever `work` throws leaves neither rows nor events.
   *
   * @throws StorageError when the disk is full or the file cannot be written; and whatever `work` throws.
   */
  write<T>(work: (tx: Tx) => T): T {
    const events: BusEvent[] = [];
    if (this.#sqlite.inTransaction) throw new Error("write() inside write(): pass the transaction on instead");
    let result: T;
    try {
      result = this.#sqlite.transaction(() => work({ db: this.db, emit: (event) => events.push(event) })).immediate();
    } catch (error) {
      throw storageError(error);
    }
    this.bus.publish(events);
    return result;
  }

  /**
   * A prepared statement, for what the query builder cannot say. `Row` is what the caller knows its columns to be. One
   * that writes is run inside `write()`.
   */
  statement<Parameters extends unknown[], Row = unknown>(sql: string): Database.Statement<Parameters, Row> {
    return this.#sqlite.prepare<Parameters, Row>(sql);
  }

  /** Copies the database to `file` while it is in use, see `copyDatabase`. */
  copyTo(file: string, signal: AbortSignal): Promise<void> {
    return copyDatabase(this.#sqlite, file, signal);
  }

  /** Bytes of the database's file, its free pages included. */
  get bytes(): number {
    const pages = Number(this.#sqlite.pragma("page_count", { simple: true }));
    return pages * Number(this.#sqlite.pragma("page_size", { simple: true }));
  }

  /** @throws StorageError when the database does not answer. */
  check(): void {
    try {
      this.#sqlite.prepare("SELECT 1 FROM models LIMIT 1").get();
    } catch (error) {
      throw storageError(error);
    }
  }

  /** Closes the database (checkpointing its log) and gives the data directory up. */
  [Symbol.dispose](): void {
    this.#sqlite.close();
    this.#lock[Symbol.dispose]();
  }
}

/**
 * The database holds secrets, and its directory may have been made by somebody else for all to read. SQLite gives its log
 * the mode of the database. Where this cannot be done, opening the file says why.
 */
function keepPrivate(file: string): void {
  try {
    if (existsSync(file)) chmodSync(file, 0o600);
    else closeSync(openSync(file, "wx", 0o600));
  } catch {
    // Not our file to change, or not there to be made.
  }
}

function prepareDirectory(dataDir: string): void {
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    accessSync(dataDir, constants.R_OK | constants.W_OK);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new DataDirectoryError(
      `The data directory ${dataDir} cannot be used: ${why}. Set DATA_DIR to a writable one.`,
      {
        cause: error,
      },
    );
  }
}

function openError(file: string, error: unknown): unknown {
  if (error instanceof DataDirectoryError) return error;
  const code = sqliteCode(error);
  if (code === "SQLITE_NOTADB" || code?.startsWith("SQLITE_CORRUPT")) {
    return new DataDirectoryError(
      `The database ${file} is damaged (${code}). Restore a copy over it, or move it away to start with an empty one.`,
      { cause: error },
    );
  }
  if (code?.startsWith("SQLITE_FULL")) {
    return new DataDirectoryError(`The disk that holds ${file} is full; free some space and start again.`, {
      cause: error,
    });
  }
  if (code) {
    const why = error instanceof Error ? error.message : "";
    return new DataDirectoryError(`The database ${file} cannot be opened: ${why} (${code}).`, { cause: error });
  }
  return error;
}
