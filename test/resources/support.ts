import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { configureSync, getLogger, type Logger, type LogRecord, resetSync } from "@logtape/logtape";
import type { Roots } from "../../src/resources/roots.ts";
import { tempDir } from "../temp-dir.ts";

const fixtures = fileURLToPath(new URL("../fixtures/resources/", import.meta.url));

/** The path of a captured file, e.g. `fixture("nvidia/titan-x.csv")`. */
export function fixture(name: string): string {
  return join(fixtures, name);
}

export function captured(name: string): string {
  return readFileSync(fixture(name), "utf8");
}

/** A directory of its own with the given files in it, for collectors to read instead of the kernel's. */
export function tree(files: Readonly<Record<string, string>> = {}): Disposable & {
  readonly path: string;
  readonly roots: Roots;
  write(name: string, text: string): void;
} {
  const dir = tempDir();
  const write = (name: string, text: string) => {
    const path = join(dir.path, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  };
  for (const [name, text] of Object.entries(files)) write(name, text);
  return {
    path: dir.path,
    roots: {
      proc: join(dir.path, "proc"),
      sys: join(dir.path, "sys"),
      cgroupPrefix: dir.path,
      amdNames: fixture("amd/amdgpu.ids"),
    },
    write,
    [Symbol.dispose]: () => dir[Symbol.dispose](),
  };
}

/** A logger and what was logged through it as `level message`, from info on. */
export function recordedLog(): Disposable & { readonly log: Logger; readonly lines: string[] } {
  const lines: string[] = [];
  const sink = ({ level, message }: LogRecord) => void lines.push(`${level} ${message.join("")}`);
  configureSync({
    reset: true,
    sinks: { lines: sink },
    loggers: [
      { category: "test", sinks: ["lines"], lowestLevel: "info" },
      { category: ["logtape", "meta"], sinks: [] },
    ],
  });
  return { log: getLogger("test"), lines, [Symbol.dispose]: () => resetSync() };
}

/** Asks again and again until the answer is the wanted one; the test's own timeout is the limit. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 5));
}
