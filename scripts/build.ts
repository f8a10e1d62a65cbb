/**
 * `bun run build` (scripts/prepare.ts, then this): dist/llm-manager, one file with the runtime, the page, the migrations
 * and SQLite inside. With `--all`, one for each platform, named after it; Bun gets their runtimes from the npm registry.
 */
import { rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { embedSqlite, sqlitePlatform } from "./embed-sqlite.ts";
import { root } from "./install.ts";
import { leaveOutSsh } from "./leave-out-ssh.ts";

/** Bun's names for the platforms, and better-sqlite3's for the same ones. */
const platforms = [
  { name: "linux-x64", bun: "bun-linux-x64", sqlite: "linux-x64" },
  { name: "linux-arm64", bun: "bun-linux-arm64", sqlite: "linux-arm64" },
  { name: "linux-x64-musl", bun: "bun-linux-x64-musl", sqlite: "linuxmusl-x64" },
  { name: "linux-arm64-musl", bun: "bun-linux-arm64-musl", sqlite: "linuxmusl-arm64" },
  { name: "macos-x64", bun: "bun-darwin-x64", sqlite: "darwin-x64" },
  { name: "macos-arm64", bun: "bun-darwin-arm64", sqlite: "darwin-arm64" },
  { name: "windows-x64", bun: "bun-windows-x64", sqlite: "win32-x64" },
  { name: "windows-arm64", bun: "bun-windows-arm64", sqlite: "win32-arm64" },
] as const;

type Platform = (typeof platforms)[number];

const dist = join(root, "dist");
const MIB = 1024 * 1024;

if (process.argv.includes("--all")) {
  for (const platform of platforms) await build(platform, `llm-manager-${platform.name}`, platform.bun);
} else {
  // Without a target Bun copies itself, which needs no network.
  await build(thisPlatform(), "llm-manager", undefined);
}

async function build(platform: Platform, name: string, target: Platform["bun"] | undefined): Promise<void> {
  const start = performance.now();
  const outfile = join(dist, platform.name.startsWith("windows") ? `${name}.exe` : name);
  // Never in place: a server may be running from the file that was there.
  rmSync(outfile, { force: true });
  await Bun.build({
    entrypoints: [join(root, "src/main.ts")],
    format: "esm",
    // Shorter names would save 0.2 MiB and make error messages worse.
    minify: { syntax: true, whitespace: true },
    // Halves the time to a listening server, for 5 MiB.
    bytecode: true,
    // Inside the file, so that a stack trace names the lines of src/.
    sourcemap: "linked",
    plugins: [embedSqlite(platform.sqlite), leaveOutSsh],
    compile: {
      outfile,
      ...(target && { target }),
      // Settings come from where --help says, and from nowhere else that happens to lie in the working directory.
      autoloadDotenv: false,
      autoloadBunfig: false,
    },
  });
  rmSync(join(dist, `${name}.map`), { force: true });
  const seconds = (performance.now() - start) / 1000;
  console.log(`${(statSync(outfile).size / MIB).toFixed(1).padStart(7)} MiB  ${outfile}  (${seconds.toFixed(1)} s)`);
}

function thisPlatform(): Platform {
  const sqlite = sqlitePlatform();
  const platform = platforms.find((candidate) => candidate.sqlite === sqlite);
  if (!platform) throw new Error(`There is no build of SQLite for ${sqlite}`);
  return platform;
}
