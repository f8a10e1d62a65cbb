/** The database could not take or give data. `code` is what the API answers with. */
export class StorageError extends Error {
  override readonly name = "StorageError";
  readonly code: "storage_full" | "storage_failed";

  constructor(code: StorageError["code"], message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** The server cannot start on this data directory; the message says what to do about it. */
export class DataDirectoryError extends Error {
  override readonly name = "DataDirectoryError";
}

/** A copy of the database cannot be used or made; the message says why. */
export class BackupError extends Error {
  override readonly name = "BackupError";
}

/** SQLite's own result code (`SQLITE_FULL`, …) of a driver error, or undefined for any other error. */
export function sqliteCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error) || typeof error.code !== "string") return undefined;
  return error.code.startsWith("SQLITE_") ? error.code : undefined;
}

/** A driver error as what callers can act on: `StorageError` for the disk's and file's faults, others as they are. */
export function storageError(error: unknown): unknown {
  const code = sqliteCode(error);
  if (!code || code.startsWith("SQLITE_CONSTRAINT")) return error;
  if (code.startsWith("SQLITE_FULL"))
    return new StorageError("storage_full", "The disk of the data directory is full; nothing was written.", {
      cause: error,
    });
  return new StorageError("storage_failed", `The database failed (${code}); nothing was written.`, { cause: error });
}
