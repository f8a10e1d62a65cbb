import { expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { failureOf, storedFailure } from "../../src/deployments/failures.ts";
import { lastLinesOf } from "../../src/deployments/logs/places.ts";
import { tempDir } from "../temp-dir.ts";
import { tempStore } from "../temp-store.ts";
import { open } from "./setup.ts";

const OUT_OF_MEMORY = "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 MiB.";

test("a failure is explained in the deployment, in its event and in the history, and survives a restart", async () => {
  using temp = tempStore();
  const room = open(temp.store);
  room.addModel();
  const { deployment_id: id } = room.deploy({ runtime: "fake" });
  await room.clock.advance(0);
  const lastLines = [...Array.from({ length: 40 }, (_, i) => `line ${i}`), OUT_OF_MEMORY, "bye"];
  const reason = "it ended with exit code 1";
  room.fake.end({ reason, hint: "See its last log lines for why.", exitCode: 1, signal: null, lastLines });
  await room.clock.advance(0);

  const shown = room.deployments.get(id);
  expect(shown).toMatchObject({ status: "failed", reason: `it ran out of GPU memory (${OUT_OF_MEMORY}); ${reason}` });
  expect(shown.failure).toMatchObject({ class: "gpu_memory", exit_code: 1, signal: null, reason: shown.reason ?? "" });
  expect(shown.failure?.last_lines).toHaveLength(20);
  expect(shown.failure?.last_lines.at(-2)).toBe(OUT_OF_MEMORY);
  const hint = shown.failure?.hint ?? "";
  expect(hint).toContain("context_length");

  const [event] = room.deployments.log.after(0, 100).filter(({ data }) => data.event === "deployment_failed");
  expect(event?.data.details).toMatchObject({ reason: shown.reason, hint });
  const [entry] = room.activities.list({ limit: 1 }).items;
  expect(entry?.extra_data).toMatchObject({ reason: shown.reason, hint, failure_class: "gpu_memory" });

  await room.deployments[Symbol.asyncDispose]();
  const again = open(temp.store);
  expect(again.deployments.get(id).failure).toEqual(shown.failure);
  await again.deployments.stop(id);
  expect(again.deployments.get(id).failure).toBeNull();
  await again.deployments[Symbol.asyncDispose]();
});

test("what is kept of a long failure is bounded", () => {
  const failure = failureOf({ reason: "it ended", lastLines: Array(500).fill("x".repeat(10_000)) }, null, 0);
  expect(JSON.stringify(failure).length).toBeLessThan(12_000);
  expect(storedFailure(JSON.parse(JSON.stringify(failure)))).toEqual(failure);
});

test("what another version kept is passed over", () => {
  expect(storedFailure({ class: "new_class" })).toBeNull();
  expect(storedFailure(null)).toBeNull();
});

test("the last lines of a log are the engine's own, of a file of any size", () => {
  using dir = tempDir();
  const directory = join(dir.path, "dep-1");
  expect(lastLinesOf(directory)).toEqual([]);
  mkdirSync(directory);
  const time = "2026-01-01T00:00:00.000Z";
  const lines = Array.from({ length: 5_000 }, (_, i) => `${time} stderr F é ${i}\n`).join("");
  writeFileSync(join(directory, "1-0.log"), `${lines}${time} system F rotated\n${time} stdout F half`);
  const last = lastLinesOf(directory);
  expect(last.at(-2)).toBe("é 4999");
  expect(last.at(-1)).toBe("half");
  expect(last.length).toBeGreaterThan(500);
});
