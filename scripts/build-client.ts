/**
 * Builds the published client, `llm-manager/client`: one JavaScript file that needs only `socket.io-client` and runs in
 * browsers, Bun, Deno and Node, and its type declarations.
 *
 *     bun scripts/build-client.ts [output directory, dist/client unless given]
 */
import { spawnSync } from "node:child_process";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "..");
const outdir = resolve(process.argv[2] ?? join(root, "dist", "client"));

const built = await Bun.build({
  entrypoints: [join(root, "src/client/index.ts")],
  outdir,
  target: "browser",
  format: "esm",
  external: ["socket.io-client"],
});
for (const { path, size } of built.outputs) console.log(`${path} (${size} bytes)`);

// The declarations keep the layout of src, so that they find the contract's; nothing of it exists at run time.
const types = join(outdir, "types");
const compiler = join(root, "node_modules/typescript-7/bin/tsc");
const { status } = spawnSync(
  process.execPath,
  [
    compiler,
    ...["--project", join(root, "tsconfig.client.json")],
    ...["--rootDir", join(root, "src"), "--outDir", types],
  ],
  { stdio: "inherit" },
);
if (status !== 0) throw new Error(`the type declarations could not be made (tsc ended with ${status})`);
console.log(`${types} (declarations)`);
