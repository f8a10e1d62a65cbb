import { expect, setDefaultTimeout, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { nodeProgram } from "../node-program.ts";
import { tempDir } from "../temp-dir.ts";
import { adoption } from "./adoption.ts";
import { killRounds } from "./kill-rounds.ts";

setDefaultTimeout(1_200_000);

/** 240 show what is promised; fewer are enough for every change. */
const KILLS = Number(process.env.KILLS ?? 240);

test(`${KILLS} kills of the server at any step of start, stop and restart: no orphan, no double start, no lost command`, async () => {
  const seed = Math.floor(Math.random() * 2 ** 32);
  const report = await killRounds(KILLS, seed);
  console.log(
    `seed ${seed}: ${report.kills} kills, ${report.commands} commands; runs when it was killed:`,
    report.steps,
  );
  expect(report).toMatchObject({ kills: KILLS, doubleStarts: [], lost: [], orphans: [], failures: [] });
});

test("a restart with 20 running deployments: all are adopted, and no request to them fails", async () => {
  const report = await adoption(20);
  console.log(report);
  expect(report).toMatchObject({ adopted: 20, changed: [], failedRequests: 0 });
});

test("the same with the server built for Node", async () => {
  using built = tempDir();
  const build = join(import.meta.dir, "../../scripts/build-node.ts");
  execFileSync(process.execPath, [build, built.path], { stdio: "pipe" });
  const report = await adoption(5, { program: [nodeProgram, join(built.path, "llm-manager.mjs")] });
  expect(report).toMatchObject({ adopted: 5, changed: [], failedRequests: 0 });
});

test("the same with the binary, which is its own shim", async () => {
  const root = join(import.meta.dir, "../..");
  execFileSync(process.execPath, ["run", "build"], { cwd: root, stdio: "pipe" });
  const report = await adoption(5, { program: [join(root, "dist/llm-manager")] });
  expect(report).toMatchObject({ adopted: 5, changed: [], failedRequests: 0 });
});
