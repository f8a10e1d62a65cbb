import { describe, expect, test } from "bun:test";
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { systemClock } from "../../../src/clock.ts";
import { endOfLog, listLog } from "../../../src/deployments/logs/files.ts";
import { LogWriter } from "../../../src/deployments/logs/writer.ts";
import { FakeClock } from "../../fake-clock.ts";
import { tempDir } from "../../temp-dir.ts";

function rig() {
  const dir = tempDir();
  const directory = join(dir.path, "dep-1");
  const clock = new FakeClock();
  return {
    directory,
    clock,
    open: (change: { begin?: "new" | "continue"; limitBytes?: number } = {}) =>
      new LogWriter({ directory, clock, begin: "new", ...change }),
    text: () =>
      listLog(directory)
        .map(({ path }) => readFileSync(path, "utf8"))
        .join(""),
    names: () => readdirSync(directory).sort(),
    [Symbol.dispose]: () => dir[Symbol.dispose](),
  };
}

const bytes = (text: string) => Buffer.from(text);

describe("a log", () => {
  test("has a time, a stream and a tag before each line", async () => {
    using t = rig();
    const writer = t.open();
    writer.write("stdout", bytes("one\ntwo\n"));
    writer.write("stderr", bytes("three\n"), Date.UTC(2026, 0, 2));
    writer.mark("four\nfive");
    await writer.close();
    expect(t.text()).toBe(
      "2025-01-01T12:00:00.000Z stdout F one\n2025-01-01T12:00:00.000Z stdout F two\n" +
        "2026-01-02T00:00:00.000Z stderr F three\n2025-01-01T12:00:00.000Z system F four five\n",
    );
  });

  test("can be read by nobody else", async () => {
    using t = rig();
    await t.open().close();
    expect(statSync(t.directory).mode & 0o777).toBe(0o700);
    expect(statSync(join(t.directory, "1-0.log")).mode & 0o777).toBe(0o600);
  });

  test("is kept of the last two starts", async () => {
    using t = rig();
    for (const text of ["a\n", "b\n", "c\n"]) {
      const writer = t.open();
      writer.write("stdout", bytes(text));
      await writer.close();
    }
    expect(t.names()).toEqual(["2-0.log", "3-0.log"]);
  });

  test("of two starts at once is two logs", async () => {
    using t = rig();
    const [a, b] = [t.open(), t.open()];
    a.write("stdout", bytes("of a\n"));
    b.write("stdout", bytes("of b\n"));
    await Promise.all([a.close(), b.close()]);
    expect(t.names()).toEqual(["1-0.log", "2-0.log"]);
    expect(readFileSync(join(t.directory, "2-0.log"), "utf8")).toEndWith("of b\n");
  });

  test("keeps its newest parts, whose names say what came before, and says so inside", async () => {
    using t = rig();
    const writer = t.open({ limitBytes: 2 ** 20 });
    const line = `${"x".repeat(200)}\n`.repeat(300);
    for (let i = 0; i < 50; i++) await writer.write("stdout", bytes(`line ${i}\n${line}`));
    await writer.close();
    const files = listLog(t.directory);
    expect(files.length).toBe(2);
    for (const { path, offset } of files) {
      expect(statSync(path).size).toBeLessThanOrEqual(2 ** 19);
      expect(readFileSync(path, "utf8")).toMatch(
        new RegExp(`^\\S+ system F ${offset} bytes of this start came before`),
      );
    }
    expect(files[1]?.offset).toBe((files[0]?.offset ?? 0) + statSync(files[0]?.path ?? "").size);
    expect(t.text()).toContain("line 49");
    expect(endOfLog(t.directory)?.offset).toBeGreaterThan(50 * line.length);
  });

  test("shows what an engine said last even when its line never ends", async () => {
    using t = rig();
    const writer = t.open();
    writer.write("stdout", bytes("loading..."));
    await t.clock.advance(1_000);
    writer.write("stdout", bytes(" done\n"));
    await writer.close();
    expect(t.text().match(/ stdout . .*\n/g)).toEqual([" stdout P loading...\n", " stdout F  done\n"]);
  });

  test("goes on where it was after a restart, without what a power cut left of a line", async () => {
    using t = rig();
    const before = t.open();
    before.write("stdout", bytes("whole\nhalf\n"));
    await before.close();
    const path = join(t.directory, "1-0.log");
    truncateSync(path, statSync(path).size - 3);
    const after = t.open({ begin: "continue" });
    after.write("stdout", bytes("next\n"));
    await after.close();
    expect(t.names()).toEqual(["1-0.log"]);
    expect(t.text().match(/ F .*\n/g)).toEqual([" F whole\n", " F next\n"]);
  });

  test("takes a line of any length and any bytes", async () => {
    using t = rig();
    const writer = t.open();
    await writer.write("stdout", Buffer.concat([Buffer.alloc(3_000_000, 0xff), bytes("\nafter\n")]));
    await writer.close();
    expect(t.text()).toEndWith(" stdout F after\n");
    expect(
      Math.max(
        ...t
          .text()
          .split("\n")
          .map((line) => line.length),
      ),
    ).toBeLessThan(17_000);
    expect(writer.lastLines().length).toBe(2);
  });
});

describe("what cannot be written", () => {
  test("is dropped and counted, and that is said when there is room again", async () => {
    using t = rig();
    // A file where the directory has to be: nothing can be written, as on a full disk.
    mkdirSync(join(t.directory, ".."), { recursive: true });
    writeFileSync(t.directory, "");
    const writer = t.open();
    for (let i = 0; i < 3; i++) await writer.write("stdout", bytes("lost\n"));
    await t.clock.advance(1_000);
    expect(writer.lastLines()).toEqual(["lost", "lost", "lost"]);
    rmSync(t.directory);
    await t.clock.advance(1_000);
    await writer.write("stdout", bytes("kept\n"));
    await writer.close();
    expect(t.text()).toMatch(/^\S+ system F 3 lines were not kept: \S.*\n\S+ stdout F kept\n$/);
  });

  test("does not end anything when it never can be", async () => {
    using t = rig();
    writeFileSync(t.directory, "");
    const writer = t.open();
    await writer.write("stdout", Buffer.alloc(5_000_000, "x\n"));
    await writer.close();
    expect(t.clock.pending).toBe(0);
  });

  test.skipIf(process.platform !== "linux")("on a disk that is really full leaves whole lines only", async () => {
    using t = rig();
    const full = new LogWriter({ directory: t.directory, clock: t.clock, begin: "new" });
    await full.close();
    const path = join(t.directory, "1-0.log");
    rmSync(path);
    // Every write to it fails with ENOSPC.
    symlinkSync("/dev/full", path);
    const writer = t.open({ begin: "continue" });
    await writer.write("stdout", bytes("lost\n"));
    await writer.close();
    expect(writer.lastLines()).toEqual(["lost"]);
  });
});

test("memory stays bounded when lines are empty and the disk is slower than they come", async () => {
  using t = rig();
  const writer = new LogWriter({ directory: t.directory, clock: systemClock, begin: "new" });
  const chunk = Buffer.alloc(64 * 1024, "\n");
  const before = process.memoryUsage().arrayBuffers;
  for (let i = 0; i < 40; i++) await writer.write("stdout", chunk);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(32 * 2 ** 20);
  await writer.close();
});
