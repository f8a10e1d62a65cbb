import { beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { z } from "zod";
import { tempDir } from "./temp-dir.ts";

setDefaultTimeout(30_000);

const checkout = resolve(import.meta.dir, "..");

/** A file that breaks a rule, what it imports, and the rule's name. */
const broken: readonly (readonly [file: string, statement: string, rule: string])[] = [
  ["src/contract/a.ts", 'export * from "../clock.ts";', "contract-stands-alone"],
  ["src/clock.ts", 'export type * from "./config.ts";', "clock-stands-alone"],
  ["src/config.ts", 'export type * from "./store/store.ts";', "config-stands-alone"],
  ["src/logging.ts", 'export * from "./config.ts";', "logging-is-early-types-only"],
  ["db/schema.ts", 'export * from "../src/contract/words.ts";', "db-stands-alone-types-only"],
  ["src/store/a.ts", 'export type * from "../models/models.ts";', "store-knows-db"],
  ["src/models/a.ts", 'export type * from "../realtime/realtime.ts";', "noun-knows-store"],
  ["src/alerts/a.ts", 'export type * from "../http/app.ts";', "noun-knows-store"],
  ["src/deployments/a.ts", 'export * from "../models/models.ts";', "noun-hands-over-types"],
  ["src/realtime/a.ts", 'export * from "../models/models.ts";', "realtime-is-handed-nouns-types-only"],
  ["src/realtime/b.ts", 'export type * from "../http/app.ts";', "realtime-is-handed-nouns"],
  ["src/access/a.ts", 'export * from "../store/store.ts";', "access-is-handed-the-store-types-only"],
  ["src/http/a.ts", 'export * from "../models/models.ts";', "http-is-handed-nouns-types-only"],
  ["src/http/b.ts", 'export * from "../host/host.ts";', "http-is-handed-nouns"],
  ["src/host/a.ts", 'export type * from "../store/store.ts";', "host-knows-no-product"],
  ["src/client/a.ts", 'export type * from "../models/models.ts";', "client-knows-the-contract"],
  ["src/dashboard/a.ts", 'export * from "../contract/words.ts";', "page-is-a-client-types-only"],
  ["src/cli/a.ts", 'export type * from "../models/models.ts";', "cli-is-a-client"],
  ["src/cli/b.ts", 'export * from "../server.ts";', "server-only-when-serving"],
  ["src/cli/c.ts", 'export * from "../offline.ts";', "offline-only-when-needed"],
  ["src/offline.ts", 'export * from "./models/models.ts";', "offline-knows-the-store"],
  ["src/server.ts", 'export * from "./main.ts";', "server-is-no-command"],
  ["src/deployments/b.ts", 'export * from "./drivers/process/shim.ts";', "only-main-is-the-shim"],
  ["src/resources/a.ts", 'export { createServer } from "node:http";', "runtime-only-in-host"],
  ["src/resources/b.ts", 'export { serve } from "bun";', "runtime-only-in-host"],
  ["src/store/b.ts", 'export { Database } from "bun:sqlite";', "runtime-only-in-host"],
  ["src/activities/a.ts", 'export * from "../../test/temp.ts";', "product-knows-no-tests"],
  ["src/activities/b.ts", 'export * from "fast-check";', "declared-dependencies"],
  ["src/activities/c.ts", 'export * from "./d.ts";', "no-circles"],
  ["src/activities/e.ts", 'export * from "./nowhere.ts";', "no-missing-files"],
];

/** The other half of the circle. */
const circle = ["src/activities/d.ts", 'export * from "./c.ts";'] as const;

/** Files that keep the rules by a hair, and what the others import. */
const kept: readonly (readonly [file: string, statement: string])[] = [
  ["src/contract/words.ts", 'export * from "zod";'],
  ["src/models/models.ts", 'export type * from "../activities/a.ts";\nexport * from "../store/store.ts";'],
  ["src/store/store.ts", 'export * from "../../db/schema.ts";'],
  ["src/realtime/realtime.ts", 'export type * from "../models/models.ts";\nexport * from "../contract/words.ts";'],
  ["src/http/app.ts", 'export type * from "../models/models.ts";'],
  ["src/host/host.ts", 'export { createServer } from "node:http";'],
  ["src/client/good.ts", 'export * from "../contract/words.ts";'],
  ["src/dashboard/good.ts", 'export * from "../client/good.ts";\nexport type * from "../contract/words.ts";'],
  ["src/cli/good.ts", 'export const serve = () => import("../server.ts");\nexport * from "../client/good.ts";'],
  ["src/main.ts", 'export * from "./deployments/drivers/process/shim.ts";'],
  ["src/deployments/drivers/process/shim.ts", 'export type * from "../../../config/recipe.ts";'],
  ["src/config/recipe.ts", 'export * from "zod";'],
  ["src/deployments/good.ts", 'export * from "../config/recipe.ts";'],
  ["test/temp.ts", 'export * from "../src/models/models.ts";'],
];

const report = z.object({
  summary: z.object({ violations: z.array(z.object({ from: z.string(), rule: z.object({ name: z.string() }) })) }),
});

/** `file rule` of everything that the check says against a project of these files. */
const found = new Set<string>();

beforeAll(() => {
  using project = tempDir();
  for (const [file, statement] of [...broken, ...kept, circle]) {
    mkdirSync(dirname(join(project.path, file)), { recursive: true });
    writeFileSync(join(project.path, file), `${statement}\n`);
  }
  for (const file of ["package.json", "tsconfig.json", ".dependency-cruiser.cjs"]) {
    copyFileSync(join(checkout, file), join(project.path, file));
  }
  symlinkSync(join(checkout, "node_modules"), join(project.path, "node_modules"));
  const program = join(checkout, "node_modules/dependency-cruiser/bin/dependency-cruiser.mjs");
  const run = spawnSync(process.execPath, [program, "src", "db", "test", "--output-type", "json"], {
    cwd: project.path,
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  });
  if (run.error) throw run.error;
  for (const { from, rule } of report.parse(JSON.parse(run.stdout)).summary.violations) {
    found.add(`${from} ${rule.name}`);
  }
});

describe("the import check", () => {
  test.each(broken)("finds %s: %s (%s)", (file, _statement, rule) => {
    expect([...found]).toContain(`${file} ${rule}`);
  });

  test.each(kept)("lets %s be", (file) => {
    expect([...found].filter((entry) => entry.startsWith(`${file} `))).toEqual([]);
  });

  test("has a case for every rule", () => {
    const config: unknown = require(join(checkout, ".dependency-cruiser.cjs"));
    const { forbidden } = z.object({ forbidden: z.array(z.object({ name: z.string() })) }).parse(config);
    const shown = new Set(broken.map(([, , rule]) => rule.replace(/-types-only$/, "")));
    expect(forbidden.map((rule) => rule.name.replace(/-types-only$/, "")).filter((name) => !shown.has(name))).toEqual(
      [],
    );
  });
});
