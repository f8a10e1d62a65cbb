import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Database } from "better-sqlite3";
import { DataDirectoryError } from "./errors.ts";

interface Migration {
  readonly tag: string;
  readonly sql: string;
}

/**
 * Brings `db` to the newest schema, each migration in a transaction of its own, so that an interrupted upgrade goes on
 * where it stopped. A database that already holds data is copied to `backupDir` before it is touched.
 *
 * @returns the backup's path, or undefined when none was needed.
 * @throws DataDirectoryError when the database is newer than these migrations.
 */
export function migrate(db: Database, migrations: readonly Migration[], backupDir: string): string | undefined {
  const version = Number(db.pragma("user_version", { simple: true }));
  if (version > migrations.length) {
    throw new DataDirectoryError(
      `The database ${db.name} has schema version ${version}, this llm-manager knows versions up to ` +
        `${migrations.length}. Start the newer llm-manager that wrote it, or restore a copy from ${backupDir}.`,
    );
  }
  if (version === migrations.length) return undefined;
  const copy = version > 0 ? backup(db, version, backupDir) : undefined;
  for (const [index, migration] of migrations.entries()) {
    if (index < version) continue;
    db.transaction(() => {
      db.exec(migration.sql);
      db.pragma(`user_version = ${index + 1}`);
    }).exclusive();
  }
  return copy;
}

function backup(db: Database, version: number, backupDir: string): string {
  mkdirSync(backupDir, { recursive: true, mode: 0o700 });
  const stamp = new Date().toISOString().replaceAll(/[:.]/g, "-");
  const file = join(backupDir, `llm-manager-schema-${version}-${stamp}.sqlite`);
  try {
    db.prepare("VACUUM INTO ?").run(file);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new DataDirectoryError(
      `The database was not upgraded: its backup copy ${file} could not be written (${why}).`,
      {
        cause: error,
      },
    );
  }
  return file;
}
