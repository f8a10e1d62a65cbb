/**
 * `bun scripts/suite.ts PATH…`: runs the suites (`*.suite.ts`) in these directories, or these files. They are apart from
 * `bun run test` because they need a program that not every machine has.
 */
import { statSync } from "node:fs";
import { join } from "node:path";
import { Glob } from "bun";
import { bunTest, closingLine } from "./bun-test.ts";
import { prepareOrExit, root } from "./install.ts";

const paths = process.argv.slice(2);
prepareOrExit("development");
const files = paths.flatMap((path) =>
  statSync(join(root, path)).isFile()
    ? [`./${path}`]
    : [...new Glob("**/*.suite.ts").scanSync({ cwd: join(root, path) })].map((file) => `./${path}/${file}`),
);
if (files.length === 0) throw new Error(`There is no suite in ${paths.join(", ")}`);
const counts = bunTest(files);
console.log(closingLine(counts));
process.exit(counts.failed > 0 ? 1 : 0);
