import { chooseHost } from "../../src/host/choose.ts";
import { cases } from "./cases.ts";

// Run by node-host.test.ts on the runtimes that have no bun:test. Ending by itself is part of what is tested: a timer
// or a connection left behind would keep the process alive.
for (const { name, run } of cases) {
  try {
    await run(await chooseHost());
  } catch (error) {
    console.error(`${name}:`, error);
    process.exitCode = 1;
  }
}
console.log(`${cases.length} cases on ${(await chooseHost()).name}`);
