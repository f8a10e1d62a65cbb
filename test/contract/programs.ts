import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { tempDir } from "../temp-dir.ts";
import { program } from "./document.ts";

/** Longest wait for a program's output. */
const WAIT_MS = 30_000;

/**
 * Runs the document's client program as it stands there, apart from the port, until its output has each of `expected`.
 *
 * @throws Error with the output when it ends or the time is over before.
 */
export async function runDocumentProgram(
  language: "javascript" | "python",
  url: string,
  expected: readonly string[],
): Promise<string> {
  using dir = tempDir();
  const source = program(language, "http://localhost:5000").replaceAll("http://localhost:5000", url);
  const file = join(dir.path, language === "python" ? "client.py" : "client.cjs");
  writeFileSync(file, source);
  const modules = fileURLToPath(new URL("../../node_modules", import.meta.url));
  const command = language === "python" ? "/usr/bin/python3" : process.execPath;
  const child = spawn(command, [file], {
    env: { ...process.env, NODE_PATH: modules, PYTHONUNBUFFERED: "1" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = once(child, "exit");
  let output = "";
  try {
    await new Promise<void>((resolve, reject) => {
      const fail = (why: string) => reject(new Error(`${why}; it printed:\n${output}`));
      const timer = setTimeout(() => fail(`${language} program: ${WAIT_MS} ms are over`), WAIT_MS);
      const take = (text: string) => {
        output += text;
        if (!expected.every((part) => output.includes(part))) return;
        clearTimeout(timer);
        resolve();
      };
      child.stdout.setEncoding("utf8").on("data", take);
      child.stderr.setEncoding("utf8").on("data", take);
      child.once("error", (error) => fail(String(error)));
      child.once("exit", (code) => fail(`${language} program ended with ${code}`));
    });
    return output;
  } finally {
    child.kill("SIGKILL");
    await ended;
  }
}
