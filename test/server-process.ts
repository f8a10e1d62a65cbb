import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { tempDir } from "./temp-dir.ts";

export type Runtime = "bun" | "deno";

/** A server in a process of its own, on a free port and, unless given, a data directory of its own. */
export interface ServerProcess extends AsyncDisposable {
  readonly url: string;
  readonly dataDir: string;
  readonly process: ChildProcess;
  /** Everything it has written so far, for when a test fails. */
  output(): string;
  /** Sends the signal and waits for the end; resolves to the exit code, null when a signal ended it. */
  kill(signal: NodeJS.Signals): Promise<number | null>;
}

const main = fileURLToPath(new URL("../src/main.ts", import.meta.url));
const checkout = fileURLToPath(new URL("..", import.meta.url));

/** Time a start may take on a busy machine before a test gives up on it. */
const START_TIMEOUT_MS = 60_000;

export async function serverProcess(
  options: {
    runtime?: Runtime;
    /** A built program to run instead of the sources: its file and arguments. */
    program?: readonly [string, ...string[]];
    dataDir?: string;
    env?: Readonly<Record<string, string>>;
  } = {},
): Promise<ServerProcess> {
  const dir = options.dataDir === undefined ? tempDir() : undefined;
  const dataDir = options.dataDir ?? dir?.path ?? "";
  const sources =
    options.runtime === "deno" ? (["deno", "run", "-A", main] as const) : ([process.execPath, main] as const);
  const [command, ...args] = options.program ?? sources;
  const child = spawn(command, [...args, "serve"], {
    cwd: checkout,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, PORT: "0", DATA_DIR: dataDir, LOG_FORMAT: "json", ALERTS: "on", ...options.env },
  });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (output += text));
  const exited = once(child, "exit");
  const kill = async (signal: NodeJS.Signals) => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    await exited;
    return child.exitCode;
  };
  const url = await new Promise<string>((resolve, reject) => {
    const fail = (why: string) => reject(new Error(`${why}:\n${output}`));
    const timer = setTimeout(() => fail("The server did not start in time"), START_TIMEOUT_MS);
    const look = () => {
      const found = /(https?):\/\/(?:127\.0\.0\.1|localhost):(\d+)/.exec(output);
      if (!found) return;
      clearTimeout(timer);
      resolve(`${found[1]}://127.0.0.1:${found[2]}`);
    };
    child.stdout.on("data", look);
    child.stderr.on("data", look);
    child.once("error", (error) => fail(String(error)));
    child.once("exit", (code, signal) => {
      clearTimeout(timer);
      fail(`The server ended with ${code ?? signal}`);
    });
  });
  return {
    url,
    dataDir,
    process: child,
    output: () => output,
    kill,
    async [Symbol.asyncDispose]() {
      await kill("SIGKILL");
      dir?.[Symbol.dispose]();
    },
  };
}
