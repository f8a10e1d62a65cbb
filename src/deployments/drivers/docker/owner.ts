import { randomBytes } from "node:crypto";
import { closeSync, fsyncSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const FILE = "docker-owner";
const FORM = /^[0-9a-f]{12}$/;

/**
 * Under which name this data directory's containers are marked. It is random, as paths are the same in many containers
 * and machines that share an Engine, and is made with the first container: without it there is none.
 */
export class Owner {
  readonly #path: string;
  #id: string | undefined;

  constructor(dataDir: string) {
    this.#path = join(dataDir, FILE);
  }

  /** Undefined when this data directory has never had a container. @throws Error when the file can't be read. */
  known(): string | undefined {
    this.#id ??= this.#read();
    return this.#id;
  }

  /** @throws Error when it can't be written. */
  require(): string {
    return this.known() ?? this.#create();
  }

  #read(): string | undefined {
    let text: string;
    try {
      text = readFileSync(this.#path, "utf8").trim();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
    // Cut off by a crash while it was made, so nothing was marked with it.
    return FORM.test(text) ? text : undefined;
  }

  /** On disk before anything bears it. */
  #create(): string {
    const id = randomBytes(6).toString("hex");
    const file = openSync(this.#path, "w", 0o600);
    try {
      writeFileSync(file, `${id}\n`);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    this.#id = id;
    return id;
  }
}
