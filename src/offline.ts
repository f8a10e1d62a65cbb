/*
 * What the command line does to a data directory that no server has. Beside `server.ts` the only way from a command to
 * the store; loaded when such a command runs.
 */
export { type BackupFacts, backUpDirectory, checkBackup, DATABASE_FILE, restoreDirectory } from "./store/backup.ts";
