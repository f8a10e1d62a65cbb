import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, cpSync, existsSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { tempDir } from "../temp-dir.ts";

/** The program inside a bare system. */
export interface BareProcess extends AsyncDisposable {
  readonly url: string;
  /** From the start of the program to its word that it listens. */
  readonly startedMs: number;
  /** Sends SIGTERM; resolves to the exit code, null when a signal ended it. */
  stop(): Promise<number | null>;
}

/** A system of a few directories with one program in it, and no way to see this one's files. */
export interface BareSystem extends Disposable {
  /** Where the system's root lies in this system. */
  readonly root: string;
  /** Runs `/llm-manager` with `args` to its end. */
  run(...args: readonly string[]): { readonly output: string; readonly exitCode: number | null };
  serve(): Promise<BareProcess>;
}

/** The names every program may count on, and nothing that belongs to a developer. */
const MOUNTS = ["proc", "dev"];
const EMPTY = ["tmp", "data", "srv", ...MOUNTS];

/** The working directory is empty, and the environment holds no more than this. */
const ENVIRONMENT = { PORT: "0", DATA_DIR: "/data", LOG_FORMAT: "json" };

const START_TIMEOUT_MS = 30_000;

/**
 * Puts `binary` into a root of its own, with the C and C++ libraries that it and `addon`, which is inside it, are linked
 * to. The process gets this root and a mount namespace, which needs root's rights or user namespaces.
 */
export function bareSystem(binary: string, addon: string): BareSystem {
  const dir = tempDir();
  for (const name of EMPTY) mkdirSync(join(dir.path, name), { mode: name === "tmp" ? 0o1777 : 0o755 });
  copyFileSync(binary, join(dir.path, "llm-manager"));
  for (const library of new Set([...librariesOf(binary), ...librariesOf(addon)])) {
    const copy = join(dir.path, library);
    mkdirSync(dirname(copy), { recursive: true });
    cpSync(library, copy, { dereference: true });
  }
  const command = enterCommand(dir.path);
  return {
    root: dir.path,
    run(...args) {
      const [program = "", ...rest] = [...command, "/llm-manager", ...args];
      const { stdout, stderr, status } = spawnSync(program, rest, { encoding: "utf8", env: ENVIRONMENT, cwd: "/" });
      return { output: stdout + stderr, exitCode: status };
    },
    serve: () => serve(command),
    [Symbol.dispose]: () => dir[Symbol.dispose](),
  };
}

/** The mounts are the process's own and are gone with it; nothing has to be undone in this system. */
function enterCommand(root: string): readonly string[] {
  const user = process.getuid?.() === 0 ? [] : ["--map-root-user"];
  const mounts = MOUNTS.map((name) => `mount --rbind /${name} "$root/${name}"`).join(" && ");
  const script = `root=$1; shift; ${mounts} && exec chroot "$root" "$@"`;
  return [toolPath("unshare"), ...user, "--mount", toolPath("sh"), "-c", script, "sh", root];
}

/** The test runs with a minimal environment, which knows no PATH. */
function toolPath(name: string): string {
  const found = Bun.which(name, { PATH: "/usr/bin:/bin:/usr/sbin:/sbin" });
  if (!found) throw new Error(`${name} is not installed`);
  return found;
}

/** What the system's loader names, itself included: `libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x…)`. */
function librariesOf(file: string): readonly string[] {
  const { stdout, status } = spawnSync("ldd", [file], { encoding: "utf8" });
  if (status !== 0) throw new Error(`ldd cannot read ${file}`);
  const paths = [...stdout.matchAll(/(?:=> |^\s*)(\/\S+) \(0x/gm)].flatMap(([, path]) => path ?? []);
  if (!paths.some((path) => existsSync(path))) throw new Error(`ldd named no library:\n${stdout}`);
  return paths;
}

async function serve(command: readonly string[]): Promise<BareProcess> {
  const [program = "", ...rest] = [...command, "/llm-manager", "serve"];
  const start = performance.now();
  const child = spawn(program, rest, { stdio: ["ignore", "pipe", "pipe"], env: ENVIRONMENT, cwd: "/" });
  const exited = once(child, "exit");
  let output = "";
  const port = await new Promise<string>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`The binary did not start in time:\n${output}`)), START_TIMEOUT_MS);
    const look = (text: string) => {
      output += text;
      const [, found] = /http:\/\/127\.0\.0\.1:(\d+)/.exec(output) ?? [];
      if (found === undefined) return;
      clearTimeout(timer);
      resolve(found);
    };
    child.stdout.setEncoding("utf8").on("data", look);
    child.stderr.setEncoding("utf8").on("data", look);
    child.once("exit", (code, signal) => {
      clearTimeout(timer);
      reject(new Error(`The binary ended with ${code ?? signal}:\n${output}`));
    });
  });
  const startedMs = performance.now() - start;
  const end = async (signal: NodeJS.Signals) => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    await exited;
    return child.exitCode;
  };
  return {
    url: `http://127.0.0.1:${port}`,
    startedMs,
    stop: () => end("SIGTERM"),
    async [Symbol.asyncDispose]() {
      await end("SIGKILL");
    },
  };
}
