import { describe, expect, test } from "bun:test";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { nodeProgram } from "../node-program.ts";

const run = promisify(execFile);
const program = join(import.meta.dir, "run-cases.ts");
const deno = join(import.meta.dir, "../../node_modules/.bin/deno");

describe("the host for Node and Deno", () => {
  test.each([
    { runtime: "deno", command: [deno, "run", "--allow-all"] },
    { runtime: "node", command: [nodeProgram, "--experimental-strip-types", "--no-warnings"] },
  ])("keeps every promise on $runtime and ends by itself", async ({ runtime, command: [file = "", ...args] }) => {
    const { stdout } = await run(file, [...args, program], { timeout: 60_000 });
    expect(stdout).toContain(`cases on ${runtime}`);
  });
});
