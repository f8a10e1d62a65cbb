import { createReadStream } from "node:fs";
import { mkdir, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { type Clock, isoTime } from "../clock.ts";
import { type Backup, ProblemError } from "../contract/index.ts";
import { PARTIAL } from "../store/backup.ts";
import type { Store } from "../store/store.ts";

export interface BackupsParts {
  readonly store: Pick<Store, "copyTo">;
  /** The data directory's own, where the copies before upgrades and restores lie, too. */
  readonly directory: string;
  /** How many of those made here are kept; the oldest go. */
  readonly keep: number;
  readonly clock: Clock;
}

/** Names of the copies made on request; others in the directory are never deleted from here but by name. */
const REQUESTED = /^llm-manager-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d-\d{3}Z\.sqlite$/;
const ANY = /^llm-manager-[\w-]+\.sqlite$/;

/** Copies of the database in a directory of its own, made while everything goes on. */
export class Backups implements AsyncDisposable {
  readonly #parts: BackupsParts;
  readonly #abort = new AbortController();
  #making: Promise<Backup> | undefined;
  #last: { readonly at: number; readonly bytes: number } | undefined;

  constructor(parts: BackupsParts) {
    this.#parts = parts;
  }

  /** When the newest copy of this run was made and its size, undefined when there is none. */
  get last(): { readonly at: number; readonly bytes: number } | undefined {
    return this.#last;
  }

  /**
   * Makes one; it is listed once it is complete.
   *
   * @throws ProblemError `in_use` while another is being made; StorageError.
   */
  create(): Promise<Backup> {
    if (this.#making) throw new ProblemError("in_use", "A backup is being made; wait until that is done.");
    this.#making = this.#create().finally(() => {
      this.#making = undefined;
    });
    return this.#making;
  }

  /** Newest first. */
  async list(): Promise<Backup[]> {
    const names = await readdir(this.#parts.directory).catch(() => []);
    const all = await Promise.all(names.filter((name) => ANY.test(name)).map((name) => this.#facts(name)));
    return all
      .filter((backup) => backup !== undefined)
      .sort((a, b) => b.created_at.localeCompare(a.created_at) || b.name.localeCompare(a.name));
  }

  /** @throws ProblemError `not_found`. */
  async read(name: string): Promise<{ readonly bytes: number; readonly body: ReadableStream<Uint8Array> }> {
    const { size_bytes: bytes } = await this.#require(name);
    const chunks = createReadStream(join(this.#parts.directory, name))[Symbol.asyncIterator]();
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        const { value, done } = await chunks.next();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      async cancel() {
        await chunks.return?.();
      },
    });
    return { bytes, body };
  }

  /** @throws ProblemError `not_found`. */
  async remove(name: string): Promise<void> {
    await this.#require(name);
    await rm(join(this.#parts.directory, name), { force: true });
  }

  /** Ends the copying that is under way; what there is of it is deleted. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort(new ProblemError("unavailable", "The server is shutting down."));
    await this.#making?.catch(() => {});
  }

  async #create(): Promise<Backup> {
    const { store, directory, clock, keep } = this.#parts;
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await this.#clean();
    const name = `llm-manager-${isoTime(clock.now()).replaceAll(/[:.]/g, "-")}.sqlite`;
    await store.copyTo(join(directory, name), this.#abort.signal);
    const backup = await this.#require(name);
    this.#last = { at: clock.now(), bytes: backup.size_bytes };
    const requested = (await readdir(directory)).filter((other) => REQUESTED.test(other)).sort();
    for (const old of requested.slice(0, -keep)) await rm(join(directory, old), { force: true });
    return backup;
  }

  /** What was left by servers that were killed meanwhile. */
  async #clean(): Promise<void> {
    const { directory } = this.#parts;
    for (const name of await readdir(directory)) {
      if (name.includes(PARTIAL)) await rm(join(directory, name), { force: true });
    }
  }

  async #require(name: string): Promise<Backup> {
    const backup = ANY.test(name) ? await this.#facts(name) : undefined;
    if (!backup) throw new ProblemError("not_found", `There is no backup ${name}.`);
    return backup;
  }

  async #facts(name: string): Promise<Backup | undefined> {
    try {
      const { size, mtimeMs } = await stat(join(this.#parts.directory, name));
      return { name, size_bytes: size, created_at: isoTime(mtimeMs) };
    } catch {
      // Deleted meanwhile.
      return undefined;
    }
  }
}
