import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, copyFileSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { NvidiaDevices } from "../../src/resources/collectors/nvidia.ts";
import { FakeClock } from "../fake-clock.ts";
import { tempDir } from "../temp-dir.ts";
import { captured, fixture, recordedLog, until } from "./support.ts";

setDefaultTimeout(20_000);

const program = fixture("nvidia/fake-nvidia-smi.sh");
const cleanUp = new DisposableStack();
let stack = cleanUp;
afterEach(() => {
  stack.dispose();
  stack = new DisposableStack();
});

type Behaviour = "loop" | "once" | "hang";

/** Devices read from a real process that prints a captured output and then behaves as told. */
function devicesOf(behaviour: Behaviour, output = "nvidia/rtx-3080-pair.csv") {
  const dir = stack.use(tempDir());
  const journal = join(dir.path, "journal");
  const clock = new FakeClock();
  const { log, lines } = stack.use(recordedLog());
  const nvidia = stack.use(new NvidiaDevices({ clock, log, command: [program, behaviour, fixture(output), journal] }));
  /** Process ids of all that were started so far. */
  const started = () => (existsSync(journal) ? readFileSync(journal, "utf8").trim().split("\n").map(Number) : []);
  return { nvidia, clock, started, lines };
}

function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe("the loop", () => {
  test("is one process that serves all readings", async () => {
    const { nvidia, started, clock } = devicesOf("loop");
    for (let i = 0; i < 5; i++) {
      expect(await nvidia.read()).toMatchObject([
        { id: 0, usage_percent: 31, memory_usage_percent: 89.4, temperature: 41 },
        { id: 1, usage_percent: 20, memory_usage_percent: 95.4, temperature: 46 },
      ]);
    }
    expect(started()).toHaveLength(1);
    // No timer of the first reading is left behind.
    expect(clock.pending).toBe(0);
  });

  test("that ends is started again, each time later, and its end is logged once", async () => {
    const { nvidia, clock, started, lines } = devicesOf("once", "nvidia/no-driver.txt");
    expect(await nvidia.read()).toEqual([]);
    const starts: number[] = [];
    while (starts.length < 4) {
      await clock.advance(250);
      const before = started().length;
      await nvidia.read();
      await until(() => started().length > before || !nvidiaDue(starts, clock.monotonic()));
      if (started().length > before) starts.push(clock.monotonic());
    }
    const gaps = starts.map((at, i) => at - (starts[i - 1] ?? 0));
    expect(gaps).toEqual([1_000, 2_000, 4_000, 8_000]);
    expect(lines).toEqual([
      expect.stringContaining("warning nvidia-smi ended (9); trying again in 1 s. NVIDIA-SMI has failed"),
    ]);
  });

  test("that hangs has no figures after 10 s, and is replaced after 30 s", async () => {
    const { nvidia, clock, started, lines } = devicesOf("hang");
    expect(await nvidia.read()).toMatchObject([{ usage_percent: 31 }, { usage_percent: 20 }]);
    await clock.advance(10_000);
    expect(await nvidia.read()).toMatchObject([{ usage_percent: 31 }, { usage_percent: 20 }]);
    await clock.advance(1);
    expect(await nvidia.read()).toMatchObject([
      { id: 0, name: "NVIDIA GeForce RTX 3080", usage_percent: null, memory_usage_percent: null, temperature: null },
      { id: 1, usage_percent: null, memory_used_gb: null, status: null },
    ]);
    const [first = 0] = started();
    expect(runs(first)).toBe(true);
    await clock.advance(20_000);
    await until(async () => {
      await clock.advance(1_000);
      return (await nvidia.read())[0]?.usage_percent === 31;
    });
    expect(started()).toHaveLength(2);
    expect(runs(first)).toBe(false);
    expect(lines).toEqual([
      expect.stringContaining("warning nvidia-smi ended (SIGKILL)"),
      "info nvidia-smi answers again",
    ]);
  });

  test("that prints nothing but errors after a good round is replaced", async () => {
    const { nvidia, clock, started } = devicesOf("hang", "nvidia/loop-unknown-error.csv");
    expect(await nvidia.read()).toMatchObject([{ usage_percent: 21 }]);
    await clock.advance(10_001);
    expect(await nvidia.read()).toMatchObject([{ usage_percent: null, temperature: null }]);
    await clock.advance(20_000);
    await until(async () => {
      await clock.advance(1_000);
      return (await nvidia.read())[0]?.usage_percent === 21;
    });
    expect(started()).toHaveLength(2);
  });

  test("that lists no devices any more means that there are none", async () => {
    const dir = stack.use(tempDir());
    const output = join(dir.path, "output");
    copyFileSync(fixture("nvidia/rtx-3080-pair.csv"), output);
    const clock = new FakeClock();
    const { log } = stack.use(recordedLog());
    const nvidia = stack.use(new NvidiaDevices({ clock, log, command: [program, "once", output] }));
    expect(await nvidia.read()).toHaveLength(2);
    copyFileSync(fixture("nvidia/no-devices.txt"), output);
    await until(async () => {
      await clock.advance(1_000);
      return (await nvidia.read()).length === 0;
    });
  });

  test("is not waited for when its first round takes long", async () => {
    const { nvidia, clock } = devicesOf("hang", "nvidia/no-driver.txt");
    const first = nvidia.read();
    await clock.advance(1_000);
    expect(await first).toEqual([]);
    // Nor by any later reading.
    expect(await nvidia.read()).toEqual([]);
    expect(clock.pending).toBe(0);
  });
});

describe("a machine without nvidia-smi", () => {
  test("has no devices, is no fault, and is looked at again after five minutes", async () => {
    const dir = stack.use(tempDir());
    const missing = join(dir.path, "nvidia-smi");
    const clock = new FakeClock();
    const { log, lines } = stack.use(recordedLog());
    const command = [missing, "loop", fixture("nvidia/mig-a800.csv")];
    const nvidia = stack.use(new NvidiaDevices({ clock, log, command }));
    expect(await nvidia.read()).toEqual([]);
    copyFileSync(program, missing);
    chmodSync(missing, 0o755);
    await clock.advance(299_000);
    expect(await nvidia.read()).toEqual([]);
    await clock.advance(1_000);
    expect(await nvidia.read()).toMatchObject([{ name: "NVIDIA A800-SXM4-80GB" }]);
    expect(lines).toEqual([]);
  });
});

describe("disposing", () => {
  test("ends the process, and a later reading starts it again", async () => {
    const { nvidia, started, lines } = devicesOf("hang");
    await nvidia.read();
    const [first = 0] = started();
    nvidia[Symbol.dispose]();
    await until(() => !runs(first));
    await until(async () => (await nvidia.read()).length === 2);
    expect(started()).toHaveLength(2);
    // Letting it go is no failure.
    expect(lines).toEqual([]);
  });

  test("never leaves two of them, however often it is let go and wanted again", async () => {
    const { nvidia, started } = devicesOf("hang");
    for (let i = 0; i < 5; i++) {
      void nvidia.read();
      nvidia[Symbol.dispose]();
    }
    await until(async () => (await nvidia.read()).length === 2);
    expect(started().filter(runs)).toHaveLength(1);
  });

  test("answers who still waits for the first round", async () => {
    const { nvidia } = devicesOf("hang", "nvidia/no-driver.txt");
    const waiting = nvidia.read();
    nvidia[Symbol.dispose]();
    expect(await waiting).toEqual([]);
  });
});

test("a process that never disposes ends by itself, and its loop with it", async () => {
  const dir = stack.use(tempDir());
  const journal = join(dir.path, "journal");
  const command = [program, "loop", fixture("nvidia/mig-a800.csv"), journal];
  const script = `
    import { getLogger } from "@logtape/logtape";
    import { systemClock } from "./src/clock.ts";
    import { NvidiaDevices } from "./src/resources/collectors/nvidia.ts";
    const command = ${JSON.stringify(command)};
    const devices = await new NvidiaDevices({ clock: systemClock, log: getLogger("test"), command }).read();
    console.log(devices[0]?.name);`;
  const cwd = join(import.meta.dir, "../..");
  const child = spawn(process.execPath, ["-e", script], { cwd, stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  expect(await once(child, "exit")).toEqual([0, null]);
  expect(output.trim()).toBe("NVIDIA A800-SXM4-80GB");
  const pid = Number(readFileSync(journal, "utf8"));
  await until(() => !runs(pid));
});

test("the fixture that stands for a whole round is one", () => {
  expect(captured("nvidia/rtx-3080-pair.csv").trim().split("\n")).toHaveLength(2);
});

/** Whether the next start is due: 1 s after the first one's end, then twice as long each time. */
function nvidiaDue(starts: readonly number[], now: number): boolean {
  return now - (starts.at(-1) ?? 0) >= 1_000 * 2 ** starts.length;
}
