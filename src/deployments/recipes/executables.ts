import { accessSync, constants, statSync } from "node:fs";
import { delimiter, isAbsolute, join } from "node:path";
import type { Clock } from "../../clock.ts";

/** How long an answer holds: an engine that was installed just now is found soon, and no request searches twice. */
const KEPT_MS = 10_000;
/** Names in a config file are few; this many are kept, then all are forgotten. */
const KEPT_NAMES = 256;

/** Where executables are on this machine. */
export class Executables {
  readonly #clock: Clock;
  readonly #directories: readonly string[];
  readonly #extensions: readonly string[];
  readonly #known = new Map<string, { readonly path: string | undefined; readonly until: number }>();

  /** @param environment this server's own: its PATH, and on Windows PATHEXT. */
  constructor(clock: Clock, environment: Readonly<Record<string, string | undefined>>) {
    this.#clock = clock;
    this.#directories = (environment.PATH ?? "").split(delimiter).filter((directory) => isAbsolute(directory));
    this.#extensions = process.platform === "win32" ? [".exe", ""] : [""];
  }

  /** The absolute path of `command`, a path or a name that is looked up on PATH; undefined when there is none. */
  find(command: string): string | undefined {
    const known = this.#known.get(command);
    const now = this.#clock.monotonic();
    if (known && now < known.until) return known.path;
    if (this.#known.size >= KEPT_NAMES) this.#known.clear();
    const path = this.#search(command);
    this.#known.set(command, { path, until: now + KEPT_MS });
    return path;
  }

  #search(command: string): string | undefined {
    if (isAbsolute(command)) return isExecutable(command) ? command : undefined;
    // Relative to the working directory it would be another program for each way this server is started.
    if (command.includes("/")) return undefined;
    for (const directory of this.#directories) {
      for (const extension of this.#extensions) {
        const path = join(directory, command + extension);
        if (isExecutable(path)) return path;
      }
    }
    return undefined;
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    // Not there, or not ours to run: either way it cannot be started.
    return false;
  }
}
