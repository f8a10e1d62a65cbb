#!/usr/bin/env bun
import { fileURLToPath } from "node:url";

const [command, ...args] = process.argv.slice(2);
// A shim is one of many and lives long: it loads nothing of the command line, and nothing of the server.
if (command === "engine-shim") {
  const { runShim } = await import("./deployments/drivers/process/shim.ts");
  await runShim(args[0] ?? "");
  process.exit();
}
const { run } = await import("./cli/run.ts");
process.exit(await run(process.argv.slice(2), process.env, program()));

/** What starts this program again, however it runs: `bun main.ts`, `deno run -A main.ts`, a built file, the binary. */
function program(): string[] {
  const { url } = import.meta;
  // Inside of a compiled binary files have addresses of their own; the binary is the program.
  if (url.includes("/$bunfs/") || url.includes("/~BUN/")) return [process.execPath];
  return [process.execPath, ...("Deno" in globalThis ? ["run", "-A"] : []), fileURLToPath(url)];
}
