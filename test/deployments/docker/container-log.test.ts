import { describe, expect, test } from "bun:test";
import { appendFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { ContainerLog } from "../../../src/deployments/drivers/docker/container-log.ts";
import { followLog } from "../../../src/deployments/drivers/docker/follow-log.ts";
import type { LogFrame } from "../../../src/deployments/drivers/docker/log-frames.ts";
import { listLog } from "../../../src/deployments/logs/files.ts";
import { FakeClock } from "../../fake-clock.ts";
import { tempDir } from "../../temp-dir.ts";
import { FakeContainerEngine } from "./fake-container-engine.ts";

const BEGAN = Date.UTC(2026, 0, 1);

function frameOf(text: string, time: number, change: Partial<LogFrame> = {}): LogFrame {
  return { stream: "stdout", time, bytes: Buffer.from(text), partial: false, ...change };
}

/** Follows container c1 as servers do, one after the other, into what stands for the file. */
function follower() {
  const engine = new FakeContainerEngine();
  const clock = new FakeClock();
  const kept: LogFrame[] = [];
  // A file that is long is not read from its beginning.
  const remembered = 40;
  const notes: string[] = [];
  const id = engine.add("box", {});
  let server = new AbortController();
  const begin = () => {
    server = new AbortController();
    void followLog(id, {
      ...{ engine, clock, signal: server.signal },
      log: {
        times: () => ({ times: kept.slice(-remembered).map(({ time }) => time), whole: kept.length <= remembered }),
        add: (frame) => void kept.push(frame),
        note: (text) => void notes.push(text),
      },
      over: async () => engine.containers.get(id)?.state !== "running",
      onLine: () => {},
    });
  };
  begin();
  return {
    ...{ engine, clock, kept, notes, id },
    async kill() {
      server.abort();
      await clock.advance(0);
      begin();
    },
    [Symbol.dispose]: () => server.abort(),
  };
}

describe("what a container writes is copied", () => {
  test("without gap or repeat, whenever the server is killed and the connection lost, on Engines old and new", async () => {
    // How much later than the one before a line is; a second stream can be a little behind.
    const line = fc.record({ after: fc.integer({ min: -3, max: 400 }), burst: fc.integer({ min: 1, max: 5 }) });
    const step = fc.oneof({ weight: 4, arbitrary: line }, fc.constant("kill" as const), fc.constant("cut" as const));
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), fc.boolean(), async (steps, leadingOnly) => {
        using rig = follower();
        rig.engine.leadingOnly = leadingOnly;
        const sent: string[] = [];
        let time = BEGAN;
        for (const what of steps) {
          if (what === "kill") await rig.kill();
          else if (what === "cut") rig.engine.cut();
          else {
            time = Math.max(BEGAN, time + what.after);
            for (let n = 0; n < what.burst; n++) {
              sent.push(`line ${sent.length}`);
              rig.engine.write(rig.id, frameOf(sent.at(-1) ?? "", time));
            }
            await rig.clock.advance(what.after > 100 ? 1_000 : 0);
          }
        }
        await rig.clock.advance(2_000);
        rig.engine.exit(rig.id, 0);
        await rig.clock.advance(2_000);
        expect(rig.kept.map(({ bytes }) => Buffer.from(bytes).toString())).toEqual(sent);
        expect(rig.notes).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  test("and what the Engine has not kept meanwhile is marked", async () => {
    using rig = follower();
    for (let n = 0; n < 5; n++) rig.engine.write(rig.id, frameOf(`line ${n}`, BEGAN + n));
    await rig.clock.advance(0);
    // Its log was rotated while nobody read it.
    rig.engine.written.set(rig.id, [frameOf("line 90", BEGAN + 90_000), frameOf("line 91", BEGAN + 90_001)]);
    await rig.kill();
    await rig.clock.advance(2_000);
    expect(rig.kept.map(({ bytes }) => Buffer.from(bytes).toString()).slice(4)).toEqual([
      "line 4",
      "line 90",
      "line 91",
    ]);
    expect(rig.notes).toHaveLength(1);
  });
});

describe("the file", () => {
  test("has a line for each, with the Engine's time, and says itself where it ends", async () => {
    using dir = tempDir();
    const log = new ContainerLog(dir.path, new FakeClock(), "new");
    log.note("pulling the image");
    await log.add(frameOf("loading", BEGAN));
    await log.add(frameOf("x".repeat(16_384), BEGAN + 1, { partial: true }));
    await log.add(frameOf(" 10 %\r 20 %\r", BEGAN + 2, { stream: "stderr" }));
    await log.close();
    const path = listLog(dir.path)[0]?.path ?? "";
    expect(readFileSync(path, "utf8").split("\n").slice(1)).toEqual([
      "2026-01-01T00:00:00.000Z stdout F loading",
      `2026-01-01T00:00:00.001Z stdout P ${"x".repeat(16_384)}`,
      "2026-01-01T00:00:00.002Z stderr F  20 %",
      "",
    ]);
    // As a power cut leaves it.
    appendFileSync(path, "2026-01-01T00:00:00.003Z stdo");
    const next = new ContainerLog(dir.path, new FakeClock(), "continue");
    expect(next.times()).toEqual({ times: [BEGAN, BEGAN + 1, BEGAN + 2], whole: true });
    await next.add(frameOf("on", BEGAN + 3));
    await next.close();
    expect(readFileSync(path, "utf8")).toEndWith("stderr F  20 %\n2026-01-01T00:00:00.003Z stdout F on\n");
    expect(join(dir.path, "1-0.log")).toBe(path);
  });

  test("of a new start is empty", () => {
    using dir = tempDir();
    expect(new ContainerLog(dir.path, new FakeClock(), "continue").times()).toEqual({ times: [], whole: true });
  });
});
