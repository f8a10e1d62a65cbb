import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type GpuDevice, gpuDevice } from "../../src/contract/index.ts";
import { Lines, parseNvidiaRow, Rounds, saysSomething, silent } from "../../src/resources/collectors/nvidia-output.ts";
import { captured } from "./support.ts";

/** The rounds that the loop's output consists of. */
function roundsOf(output: string): GpuDevice[][] {
  const lines = new Lines();
  const rounds = new Rounds();
  const complete: GpuDevice[][] = [];
  for (const line of lines.take(output)) {
    const row = parseNvidiaRow(line);
    const devices = row && rounds.take(row);
    if (devices) complete.push(devices);
  }
  return complete;
}

/** The one round of a captured output. */
function devicesOf(name: string): GpuDevice[] {
  return roundsOf(captured(`nvidia/${name}.csv`))[0] ?? [];
}

describe("rows", () => {
  test("memory and temperature are read also where nothing is computed", () => {
    const devices = devicesOf("titan-x");
    expect(devices).toHaveLength(8);
    expect(devices[0]).toEqual({
      id: 0,
      name: "GeForce GTX TITAN X",
      usage_percent: 0,
      memory_usage_percent: 6.6,
      temperature: 25,
      status: "normal",
      vendor: "nvidia",
      uuid: "GPU-00000000-0000-0000-0000-000000000000",
      memory_total_gb: 11.9,
      memory_used_gb: 0.8,
      power_watts: null,
    });
    expect(devices[1]).toMatchObject({ usage_percent: 86, memory_usage_percent: 82.2, status: "warning" });
    expect(devicesOf("rtx-3080-pair")[1]).toMatchObject({ id: 1, memory_usage_percent: 95.4, power_watts: 44 });
  });

  test("a GPU split by MIG has memory but no utilisation, and its level is the memory's", () => {
    expect(devicesOf("mig-a800")).toMatchObject([
      { usage_percent: null, memory_usage_percent: 44.6, memory_total_gb: 80, temperature: 33, status: "normal" },
    ]);
    expect(devicesOf("mig-h100-nvl")).toMatchObject([
      { usage_percent: null, memory_usage_percent: null, memory_total_gb: null, temperature: 44, status: null },
    ]);
  });

  test("a GPU that shares the machine's memory has utilisation but no memory", () => {
    expect(roundsOf(captured("nvidia/dgx-spark.csv"))).toMatchObject([
      [{ usage_percent: 0, memory_usage_percent: null, memory_used_gb: null, temperature: 38, status: "normal" }],
      [{ usage_percent: 2 }],
    ]);
    expect(devicesOf("vgpu-h100l")).toMatchObject([
      { usage_percent: null, memory_usage_percent: null, memory_total_gb: 24, temperature: null, status: null },
    ]);
  });

  test("every word for 'no figure' is null, never 0", () => {
    const devices = devicesOf("sentinels");
    expect(devices).toHaveLength(6);
    expect(devices.slice(0, 5).map((device) => device.usage_percent)).toEqual([null, null, null, null, null]);
    expect(devices.slice(0, 5).map((device) => device.temperature)).toEqual([null, null, null, null, null]);
    expect(devices.slice(0, 5).map((device) => device.power_watts)).toEqual([null, null, null, null, null]);
    expect(devices.map((device) => device.memory_used_gb)).toEqual([0, 0, 0.5, null, null, 22.1]);
    expect(devices.map(saysSomething)).toEqual([true, true, true, false, false, true]);
    // An idle GPU with a loaded model, and one without an identifier.
    expect(devices[5]).toMatchObject({
      usage_percent: 0,
      memory_usage_percent: 92,
      temperature: 31,
      power_watts: 12.85,
    });
    expect(devices[5]?.uuid).toBeUndefined();
  });

  test.each(["no-driver", "version-mismatch", "no-devices"])("what it prints instead of rows is none (%s)", (name) => {
    expect(roundsOf(captured(`nvidia/${name}.txt`))).toEqual([]);
  });

  test("nonsense is no row or a valid device", () => {
    const value = fc.oneof(
      fc.string(),
      fc.double().map(String),
      fc.constantFrom("[N/A]", "ERR!", "nan", "1e9", "-1", "99999999999999999999"),
    );
    const row = fc.tuple(fc.nat(99_999).map(String), fc.array(value, { minLength: 6, maxLength: 9 }));
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          row.map(([index, rest]) => ["1", index, ...rest].join(", ")),
        ),
        (line) => {
          const parsed = parseNvidiaRow(line);
          if (parsed) gpuDevice.parse(parsed.device);
        },
      ),
    );
  });
});

describe("rounds", () => {
  test("one is complete with the last of the devices", () => {
    expect(roundsOf(captured("nvidia/titan-x.csv"))).toHaveLength(1);
    expect(roundsOf(captured("nvidia/titan-x.csv").split("\n").slice(0, 7).join("\n"))).toEqual([]);
  });

  test("a device that fell off the bus is gone with the next round", () => {
    const [round] = roundsOf(captured("nvidia/lost-gpu.csv"));
    expect(round).toMatchObject([{ id: 0, usage_percent: 97 }]);
  });

  test("slices that are listed with the index of their GPU are devices of their own", () => {
    const row = (uuid: string) => `3, 0, ${uuid}, NVIDIA A100 MIG 3g.20gb, [N/A], 100, 20096, 40, [N/A]`;
    const [round] = roundsOf([row("GPU-1"), row("MIG-1"), row("MIG-2"), ""].join("\n"));
    expect(round?.map((device) => device.uuid)).toEqual(["GPU-1", "MIG-1", "MIG-2"]);
  });

  test("without a count, one is complete when a device comes again", () => {
    const row = (id: number, usage: number) => `[N/A], ${id}, GPU-${id}, Tesla T4, ${usage}, 1, 15360, 40, 20`;
    const rounds = roundsOf([row(0, 1), row(1, 2), row(0, 3), row(1, 4), row(0, 5), ""].join("\n"));
    expect(rounds.map((round) => round.map((device) => device.usage_percent))).toEqual([
      [1, 2],
      [3, 4],
    ]);
  });

  test("endless different devices do not gather", () => {
    const rows = Array.from({ length: 600 }, (_, id) => `9999, ${id}, GPU-${id}, T4, 1, 1, 2, 3, 4\n`).join("");
    expect(roundsOf(rows).map((round) => round.length)).toEqual([256, 256]);
  });

  test("silent devices keep who they are and lose every figure", () => {
    const device = devicesOf("rtx-3080-pair")[0];
    const quiet = device && silent(device);
    expect(quiet).toMatchObject({ id: 0, name: "NVIDIA GeForce RTX 3080", memory_total_gb: 20, uuid: device?.uuid });
    expect(quiet && saysSomething(quiet)).toBe(false);
    expect(quiet).toMatchObject({ memory_usage_percent: null, status: null, power_watts: null });
  });
});

describe("lines", () => {
  test("however the text is cut, the lines are the same", () => {
    const text = captured("nvidia/titan-x.csv") + captured("nvidia/lost-gpu.csv");
    fc.assert(
      fc.property(fc.array(fc.nat(text.length), { maxLength: 20 }), (cuts) => {
        const lines = new Lines();
        const at = [0, ...cuts.sort((a, b) => a - b), text.length];
        const found = at.flatMap((start, i) => lines.take(text.slice(start, at[i + 1])));
        expect([...found, ""]).toEqual(text.split("\n"));
      }),
    );
  });

  test("a line without an end is dropped and what follows is read", () => {
    const lines = new Lines();
    for (let i = 0; i < 1_000; i++) expect(lines.take("x".repeat(1_000))).toEqual([]);
    expect(lines.take("end\nnext\n")).toEqual(["next"]);
    expect(lines.take(`${"y".repeat(5_000)}\nshort\n`)).toEqual(["short"]);
  });
});
