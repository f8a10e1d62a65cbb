import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Command } from "@commander-js/extra-typings";
import { createApi } from "../client/api.ts";
import { loadConfig } from "../config.ts";
import type { BackupFacts } from "../offline.ts";
import { type Context, clientCommand, openSession } from "./context.ts";
import { UsageError } from "./failure.ts";

/** A copy of gigabytes on a slow disk takes minutes; the server answers when it is complete. */
const TIMEOUT_MS = 3_600_000;

/** `backup` and `restore`. */
export function addBackupCommands(program: Command, context: Context): void {
  clientCommand(program, "backup", "copy the database to a file, with or without a running server")
    .argument("<file>", "where to; not there yet, or with --check the copy to look at")
    .option("--check", "look whether <file> is whole and can be restored; change nothing")
    .option("-d, --data-dir <directory>", "directory of the database, where no server runs on it (DATA_DIR)")
    .action(async (file, { check, dataDir, ...options }) => {
      const { backUpDirectory, checkBackup, DATABASE_FILE } = await import("../offline.ts");
      const session = openSession(options, context);
      const say = (words: string, facts: BackupFacts, more: object = {}) => {
        if (session.json) session.output.json({ file, ...wire(facts), ...more });
        else session.output.print(`${words} ${describe(facts)}.`);
      };
      if (check) return say(`${file} is whole:`, checkBackup(file));
      if (existsSync(file)) throw new UsageError(`${file} exists; a backup overwrites nothing`);

      const directory = directoryOf(dataDir, context);
      const remote =
        options.url !== undefined || (dataDir === undefined && !existsSync(join(directory, DATABASE_FILE)));
      if (!remote) {
        try {
          await backUpDirectory(directory, resolve(file));
          return say(`Copied ${directory} to ${file}:`, checkBackup(file), { source: directory });
        } catch (error) {
          // A server has it, so the server is asked.
          if (!(error instanceof Error) || error.name !== "DataDirectoryError" || dataDir !== undefined) throw error;
        }
      }
      const api = createApi(session.url, { token: session.token, timeoutMs: TIMEOUT_MS });
      const made = await api.backups.create();
      const { saveStream } = await import("./download.ts");
      await saveStream(await api.backups.download(made.name), file);
      await api.backups.remove(made.name);
      say(`Copied ${session.url} to ${file}:`, checkBackup(file), { source: session.url });
    });

  program
    .command("restore")
    .description("put a backup in the place of the database; what was there is kept")
    .argument("<file>", "a backup")
    .option("-d, --data-dir <directory>", "directory of the database (DATA_DIR)")
    .action(async (file, { dataDir }) => {
      const { restoreDirectory } = await import("../offline.ts");
      const directory = directoryOf(dataDir, context);
      const { facts, kept } = restoreDirectory(directory, file);
      context.output.print(`Restored ${file} to ${directory}: ${describe(facts)}.`);
      if (kept !== undefined) context.output.print(`The database that was there is kept as ${kept}.`);
    });
}

function directoryOf(option: string | undefined, { environment }: Context): string {
  return option === undefined ? loadConfig(environment).dataDir : resolve(option);
}

function wire(facts: BackupFacts) {
  const { schemaVersion, bytes, ...counts } = facts;
  return { schema_version: schemaVersion, size_bytes: bytes, ...counts };
}

function describe({ schemaVersion, bytes, models, deployments, activities }: BackupFacts): string {
  const size = `${(bytes / 2 ** 20).toFixed(1)} MB`;
  const counts = `${count(models, "model")}, ${count(deployments, "deployment")}, ${count(activities, "activity", "activities")}`;
  return `${size}, ${counts}, schema version ${schemaVersion}`;
}

function count(number: number, one: string, many = `${one}s`): string {
  return `${number} ${number === 1 ? one : many}`;
}
