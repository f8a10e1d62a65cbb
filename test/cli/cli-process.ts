import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const main = fileURLToPath(new URL("../../src/main.ts", import.meta.url));

/**
 * Starts the command line as a process of its own, with nothing of this process's settings.
 *
 * @param preload a module to run in it first.
 */
export function startCli(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
  preload?: string,
): ChildProcessWithoutNullStreams {
  const before = preload === undefined ? [] : ["--preload", preload];
  const child = spawn(process.execPath, [...before, main, ...args], {
    env: { PATH: process.env.PATH, ...environment },
  });
  // A test that failed half-way must leave no server behind.
  const end = () => child.kill("SIGKILL");
  process.once("exit", end);
  child.once("exit", () => process.off("exit", end));
  return child;
}

/** Runs one command to its end. */
export async function runCli(args: readonly string[], environment: Readonly<Record<string, string>> = {}) {
  const child = startCli(args, environment);
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  child.stdin.end();
  const [code] = await once(child, "close");
  return { code: typeof code === "number" ? code : undefined, stdout, stderr };
}

/** The lines of a stream, one at a time, as they arrive. */
export async function* linesOf(stream: NodeJS.ReadableStream): AsyncGenerator<string, void> {
  let rest = "";
  for await (const chunk of stream) {
    const lines = (rest + String(chunk)).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
}
