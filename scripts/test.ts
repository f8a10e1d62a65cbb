/**
 * `bun run test [bun test options]`: everything that can be checked with nothing but what the registry has. Static checks
 * run beside each other, then every test in `test/` but the suites that need more (`*.suite.ts`).
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { bunTest, type Counts, closingLine } from "./bun-test.ts";
import { prepare, root } from "./install.ts";

interface Step {
  readonly name: string;
  readonly seconds: number;
  readonly counts: Counts;
}

const checks = ["lint", "imports", "types"] as const;

const steps: Step[] = [];
const prepared = step("install and page", () => ({ passed: 0, failed: prepare("development") ? 0 : 1, skipped: 0 }));
steps.push(prepared);
if (prepared.counts.failed === 0) {
  steps.push(...(await Promise.all(checks.map(check))));
  steps.push(step("tests", () => bunTest(process.argv.slice(2))));
}

const total = { passed: 0, failed: 0, skipped: 0 };
console.log();
for (const { name, seconds, counts } of steps) {
  const { passed, failed, skipped } = counts;
  const outcome = failed > 0 ? "FAILED" : "ok";
  console.log(`${name.padEnd(18)} ${outcome.padEnd(6)} ${seconds.toFixed(1).padStart(6)} s  ${closingLine(counts)}`);
  total.passed += passed;
  total.failed += failed;
  total.skipped += skipped;
}
console.log(closingLine(total));
process.exit(total.failed > 0 ? 1 : 0);

function step(name: string, work: () => Counts): Step {
  const start = performance.now();
  const counts = work();
  return { name, seconds: (performance.now() - start) / 1000, counts };
}

/** Runs one of package.json's scripts; what it says is shown in one piece, and only if there is something wrong. */
async function check(name: (typeof checks)[number]): Promise<Step> {
  const start = performance.now();
  const child = spawn(process.execPath, ["run", "--silent", name], { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (output += text));
  const [code] = await once(child, "close");
  if (code !== 0) console.error(`\n${name}:\n${output}`);
  return {
    name,
    seconds: (performance.now() - start) / 1000,
    counts: code === 0 ? { passed: 1, failed: 0, skipped: 0 } : { passed: 0, failed: 1, skipped: 0 },
  };
}
