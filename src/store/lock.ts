import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { DataDirectoryError, sqliteCode } from "./errors.ts";

/**
 * Makes this process the only one on `dataDir` until disposed.
 *
 * The lock is SQLite's own file lock on a file beside the database: the system drops it with the process, however it
 * ends, so a lock is never stale and no pid has to be guessed at. The pid file is only there to name the holder.
 *
 * @throws DataDirectoryError when another process has it.
 */
export function lockDataDirectory(dataDir: string): Disposable {
  const pidFile = join(dataDir, "llm-manager.pid");
  const holder = new Database(join(dataDir, "llm-manager.lock"), { timeout: 0 });
  try {
    holder.pragma("journal_mode = DELETE");
    holder.exec("BEGIN EXCLUSIVE");
  } catch (error) {
    holder.close();
    if (!sqliteCode(error)?.startsWith("SQLITE_BUSY")) throw error;
    throw new DataDirectoryError(
      `The data directory ${dataDir} is in use by another llm-manager${holderOf(pidFile)}. ` +
        "Stop that one, or give this one a DATA_DIR of its own.",
    );
  }
  writeFileSync(pidFile, `${process.pid}\n`);
  return {
    [Symbol.dispose]() {
      holder.exec("ROLLBACK");
      holder.close();
    },
  };
}

function holderOf(pidFile: string): string {
  try {
    return ` (process ${readFileSync(pidFile, "utf8").trim()})`;
  } catch {
    return "";
  }
}
