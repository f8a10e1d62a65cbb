/**
 * Builds the web page for the browser and writes it, compressed, into a module the server embeds.
 *
 *     bun scripts/build-page.ts [--force]
 *
 * A build of its own: an HTML import in the server's build would resolve socket.io-client to its Node variant. Nothing
 * is done when the module was made from the same inputs, so that every start can afford to ask.
 */
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { basename, extname, join, relative, resolve } from "node:path";
import { brotliCompressSync, constants } from "node:zlib";
import { Glob } from "bun";

const root = resolve(import.meta.dir, "..");
const source = join(root, "src");
const dashboard = join(source, "dashboard");
const output = join(dashboard, "assets.generated.ts");

/** Whatever the page is made from; the lock file stands for the libraries in it. */
const INPUTS = ["src/{dashboard,client}/**/*", "src/http/docs/**/*", "scripts/build-page.ts", "bun.lock"];

/** Where the files with a hash in their name are served. Such a file never changes. */
const ASSETS = "/assets/";

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
};

interface BuiltFile {
  readonly path: string;
  readonly content: Uint8Array;
  readonly immutable: boolean;
}

const inputs = await inputsHash();
if (process.argv.includes("--force") || !existsSync(output) || !readFileSync(output, "utf8").includes(inputs)) {
  const files = await build();
  writeFileSync(output, moduleOf(files));
}

async function inputsHash(): Promise<string> {
  const hash = createHash("sha256").update(Bun.version);
  const paths = INPUTS.flatMap((pattern) => [...new Glob(pattern).scanSync({ cwd: root })]);
  for (const path of paths.filter((path) => resolve(root, path) !== output).sort()) {
    hash.update(`\0${path}\0`).update(await Bun.file(join(root, path)).bytes());
  }
  return hash.digest("hex");
}

async function build(): Promise<BuiltFile[]> {
  const bundled = [
    ...(await bundle(
      ["dashboard/main.tsx", "dashboard/styles/page.css", "http/docs/docs.ts", "http/docs/docs.css"],
      "esm",
    )),
    // A classic script, because it has to run before the first paint; a module never does.
    ...(await bundle(["dashboard/theme.ts"], "iife")),
    hashed("icon.svg", await Bun.file(join(dashboard, "icon.svg")).bytes()),
  ];
  return [await page("/", "dashboard", bundled), await page("/docs", "http/docs", bundled), ...bundled];
}

/** The `index.html` of `directory`, with what it refers to under the names that the build gave it. */
async function page(path: string, directory: string, bundled: readonly BuiltFile[]): Promise<BuiltFile> {
  const html = await Bun.file(join(source, directory, "index.html")).text();
  const linked = html.replaceAll(/(src|href)="\.\/([^"]+)"/g, (_, attribute: string, reference: string) => {
    const name = basename(reference, extname(reference));
    const type = extname(reference) === ".ts" || extname(reference) === ".tsx" ? ".js" : extname(reference);
    const file = bundled.find((built) => built.path.startsWith(`${ASSETS}${name}-`) && built.path.endsWith(type));
    if (!file) throw new Error(`${directory}/index.html refers to ${reference}, which is not built`);
    return `${attribute}="${file.path}"`;
  });
  // Between tags of the head and the shell, white space means nothing.
  return { path, content: new TextEncoder().encode(linked.replaceAll(/>\s+</g, "><")), immutable: false };
}

async function bundle(entries: readonly string[], format: "esm" | "iife"): Promise<BuiltFile[]> {
  const { outputs } = await Bun.build({
    entrypoints: entries.map((entry) => join(source, entry)),
    target: "browser",
    format,
    minify: true,
    naming: "[name]-[hash].[ext]",
    define: { "process.env.NODE_ENV": '"production"' },
  });
  return Promise.all(
    outputs.map(async (artifact) => ({
      path: `${ASSETS}${basename(artifact.path)}`,
      content: new Uint8Array(await artifact.arrayBuffer()),
      immutable: true,
    })),
  );
}

function hashed(name: string, content: Uint8Array): BuiltFile {
  const extension = extname(name);
  const hash = createHash("sha256").update(content).digest("hex").slice(0, 8);
  return { path: `${ASSETS}${basename(name, extension)}-${hash}${extension}`, content, immutable: true };
}

function moduleOf(files: readonly BuiltFile[]): string {
  let total = 0;
  const entries = files.map(({ path, content, immutable }) => {
    const type = TYPES[extname(path) || ".html"];
    if (!type) throw new Error(`${path} has no content type`);
    const etag = `"${createHash("sha256").update(content).digest("base64url").slice(0, 22)}"`;
    const brotli = brotliCompressSync(content, {
      params: {
        [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
        [constants.BROTLI_PARAM_SIZE_HINT]: content.length,
      },
    });
    total += brotli.length;
    console.log(`${path.padEnd(32)} ${kilobytes(content.length)} KB ${kilobytes(brotli.length)} KB brotli`);
    return { path, type, etag, immutable, brotli: brotli.toString("base64") };
  });
  console.log(`${relative(root, output)}: ${kilobytes(total).trim()} KB brotli in all`);
  return [
    "// Made by scripts/build-page.ts; changes here are lost.",
    `// Inputs: ${inputs}`,
    "",
    "/** The web page: Brotli as base64, which is what is smallest in the source of a module. */",
    `export const builtFiles = ${JSON.stringify(entries, null, 2)};`,
    "",
  ].join("\n");
}

function kilobytes(bytes: number): string {
  return (bytes / 1024).toFixed(1).padStart(7);
}
