import { spawnSync } from "node:child_process";
import { join } from "node:path";

/*
 * `bun run bench [NAME…]`: these, or all, one after the other, since each wants the machine for itself. `--quick` and
 * whatever else begins with a dash is handed on.
 */

/** Each is a program beside this one that prints its figures as a table, with ratios to a peer or a limit. */
const benches = {
  "fan-out": "server CPU for each delivered message, beside the bare publish, the default adapter and Node",
  "write-to-push": "from a write to its push at 1,000 writes a second and 100 subscribers",
  sampling: "CPU of one sample of the machine, beside systeminformation",
  deployments: "CPU of 200 deployments: health, metrics, starts, adoption, beside limits and bare requests",
  history:
    "pages, searches and charts over 10 million activities and 30 days of figures; what writing and keeping them costs",
  footprint: "CPU and memory when idle, memory for each client, cold start",
  logs: "keeping a gigabyte of an engine's log, beside copying it into a file",
} as const satisfies Record<string, string>;

const args = process.argv.slice(2);
const wanted = args.filter((arg) => !arg.startsWith("-"));
const options = args.filter((arg) => arg.startsWith("-"));
const all = Object.keys(benches);

if (options.includes("--help")) {
  console.log("bun run bench [NAME…] [--quick]\n");
  for (const [name, text] of Object.entries(benches)) console.log(`  ${name.padEnd(16)} ${text}`);
  process.exit(0);
}
const unknown = wanted.find((name) => !all.includes(name));
if (unknown !== undefined) {
  console.error(`There is no bench ${unknown}; there are: ${all.join(", ")}`);
  process.exit(1);
}

const failed: string[] = [];
for (const name of wanted.length > 0 ? wanted : all) {
  const { status } = spawnSync(process.execPath, [join(import.meta.dirname, `${name}.ts`), ...options], {
    stdio: "inherit",
  });
  if (status !== 0) failed.push(name);
}
if (failed.length > 0) console.error(`\nfailed: ${failed.join(", ")}`);
process.exit(failed.length > 0 ? 1 : 0);
