import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { root } from "./install.ts";

export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/**
 * For a test that says nothing else: Bun's own 5 s are too few on a machine that also does something else. And what a
 * file imports cannot say it for every file that does: such a module runs once.
 */
const TIMEOUT_MS = 60_000;

/**
 * Runs `bun test` with `args` in the terminal and counts what it did. A run that broke off, or that found nothing to run,
 * counts as one failure more.
 */
export function bunTest(args: readonly string[]): Counts {
  const dir = mkdtempSync(join(tmpdir(), "llm-manager-report-"));
  const report = join(dir, "junit.xml");
  try {
    const { status } = spawnSync(
      process.execPath,
      ["test", "--randomize", `--timeout=${TIMEOUT_MS}`, "--reporter=junit", `--reporter-outfile=${report}`, ...args],
      { cwd: root, stdio: ["ignore", "inherit", "inherit"], env: { ...process.env, PATH: pathWithDeno() } },
    );
    const counts = readReport(report);
    const unexplained = status !== 0 && counts.failed === 0;
    return { ...counts, failed: counts.failed + (unexplained ? 1 : 0) };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** The line that closes every suite, for people and for whatever runs it. */
export function closingLine({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed${skipped ? `, ${skipped} skipped` : ""}`;
}

function readReport(file: string): Counts {
  let head: string;
  try {
    head = /<testsuites [^>]*>/.exec(readFileSync(file, "utf8"))?.[0] ?? "";
  } catch {
    head = "";
  }
  const number = (name: string) => Number(new RegExp(` ${name}="(\\d+)"`).exec(head)?.[1] ?? 0);
  const failed = number("failures") + number("errors");
  return { passed: number("tests") - failed - number("skipped"), failed, skipped: number("skipped") };
}

/**
 * Deno itself before the npm package's start script, which needs Node and does not pass signals on. Only the package of
 * this machine's platform is installed.
 */
function pathWithDeno(): string {
  const packages = join(root, "node_modules", "@deno");
  return [...readdirSync(packages).map((name) => join(packages, name)), process.env.PATH].join(delimiter);
}
