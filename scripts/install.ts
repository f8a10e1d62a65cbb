/**
 * Getting from a fresh clone to a checkout that can run. Whatever is imported from here runs before anything is
 * installed, so these files import nothing but `node:` modules and each other.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";

export const root = resolve(import.meta.dir, "..");

/** What a checkout is to be ready for: running the server, or working on it. */
type Purpose = "production" | "development";

/**
 * Installs what `bun.lock` names and `node_modules` lacks, and builds the web page if it is not up to date. With nothing
 * to do it takes about 50 ms and needs no network. Development packages that are there stay there.
 *
 * @returns false when that failed, which it has explained on the terminal.
 */
export function prepare(purpose: Purpose): boolean {
  return install(purpose) && run("The web page could not be built", ["scripts/build-page.ts"]);
}

/** As `prepare`, for a script that has nothing to do without. */
export function prepareOrExit(purpose: Purpose): void {
  if (!prepare(purpose)) process.exit(1);
}

function install(purpose: Purpose): boolean {
  const args = ["install", "--frozen-lockfile", ...(purpose === "production" ? ["--production"] : [])];
  // The first time takes a while, so it is shown; later there is nothing to say unless it fails.
  const first = !existsSync(join(root, "node_modules"));
  return run("The packages could not be installed", first ? args : [...args, "--silent"]);
}

function run(failure: string, args: readonly string[]): boolean {
  const { status, signal, error } = spawnSync(process.execPath, args, { cwd: root, stdio: ["ignore", 2, 2] });
  if (status === 0) return true;
  console.error(`${failure} (${error?.message ?? signal ?? `exit code ${status}`}).`);
  return false;
}
