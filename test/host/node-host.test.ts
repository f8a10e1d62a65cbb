import { describe, expect, test } from "bun:test";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const program = join(import.meta.dir, "run-cases.ts");

/** Deno comes with this project; Node is whatever the machine has, and older ones cannot read TypeScript. */
const deno = join(import.meta.dir, "../../node_modules/.bin/deno");
const nodeMajor = Number(/^v(\d+)/.exec(await version("node"))?.[1] ?? 0);

describe("the host for Node and Deno", () => {
  test("keeps every promise on Deno and ends by itself", async () => {
    const { stdout } = await run(deno, ["run", "--allow-all", program], { timeout: 60_000 });
    expect(stdout).toContain("cases on deno");
  }, 60_000);

  test.skipIf(nodeMajor < 22)(
    "keeps every promise on Node and ends by itself",
    async () => {
      const { stdout } = await run("node", ["--no-warnings", program], { timeout: 60_000 });
      expect(stdout).toContain("cases on node");
    },
    60_000,
  );
});

async function version(program: string): Promise<string> {
  try {
    return (await run(program, ["--version"])).stdout;
  } catch {
    return "";
  }
}
