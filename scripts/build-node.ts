/**
 * `bun run build:node` (scripts/prepare.ts, then this): dist/node/, the server for Node 22 and newer in two files, the
 * program and SQLite's addon for this platform. Node reads neither the migrations' text imports nor, before 24, `using`,
 * which the bundler both resolves.
 *
 *     bun scripts/build-node.ts [output directory, dist/node unless given]
 */
import { rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { embedSqlite, sqlitePlatform } from "./embed-sqlite.ts";
import { root } from "./install.ts";
import { leaveOutSsh } from "./leave-out-ssh.ts";

const outdir = resolve(process.argv[2] ?? join(root, "dist", "node"));
rmSync(outdir, { recursive: true, force: true });
const built = await Bun.build({
  entrypoints: [join(root, "scripts/node-main.ts")],
  target: "node",
  format: "esm",
  minify: { syntax: true, whitespace: true },
  outdir,
  naming: { entry: "llm-manager.mjs", asset: "better-sqlite3-[name].[ext]" },
  plugins: [embedSqlite(sqlitePlatform()), leaveOutSsh],
});
for (const { path, size } of built.outputs) console.log(`${(size / 1024 / 1024).toFixed(1).padStart(7)} MiB  ${path}`);
