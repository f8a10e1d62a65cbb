import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { levelOf } from "../../src/contract/index.ts";
import { percentOf } from "../../src/resources/collector.ts";
import { CpuCollector, parseCpuInfoMhz, parseGroupUsage, parseProcStat } from "../../src/resources/collectors/cpu.ts";
import { diskResources } from "../../src/resources/collectors/disk.ts";
import {
  MemoryCollector,
  memoryResources,
  parseGroupMemory,
  parseMeminfo,
} from "../../src/resources/collectors/memory.ts";
import { NetworkCollector, parseNetDev } from "../../src/resources/collectors/network.ts";
import { FakeClock } from "../fake-clock.ts";
import { captured, tree } from "./support.ts";

const GIB = 2 ** 30;

/** /proc/stat of one CPU with these ticks. */
function procStat(ticks: readonly number[]): string {
  return `cpu  ${ticks.join(" ")}\ncpu0 ${ticks.join(" ")}\nintr 1 2 3\n`;
}

describe("cpu", () => {
  test("busy is everything but idle and waiting for disks, and guests are not counted twice", () => {
    const { busy, total, cores } = parseProcStat(captured("proc/stat"));
    const [user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0, steal = 0] = (
      captured("proc/stat").split("\n")[0] ?? ""
    )
      .replace("cpu  ", "")
      .split(" ")
      .map(Number);
    expect(busy).toBe(user + nice + system + irq + softirq + steal);
    expect(total - busy).toBe(idle + iowait);
    expect(cores).toBe(2);
    expect(parseProcStat(procStat([10, 0, 10, 70, 10, 0, 0, 0, 500, 500]))).toEqual({ busy: 20, total: 100, cores: 1 });
  });

  test("the first reading is the usage of the next 100 ms, not since boot", async () => {
    using machine = tree({ "proc/stat": procStat([900, 0, 0, 100, 0, 0, 0, 0]) });
    const clock = new FakeClock();
    using cpu = new CpuCollector({ roots: machine.roots, clock, limits: undefined });
    const first = cpu.read();
    machine.write("proc/stat", procStat([902, 0, 0, 108, 0, 0, 0, 0]));
    await clock.advance(100);
    expect(await first).toEqual({ usage_percent: 20, cores: 1, frequency: null, status: "normal", scope: "host" });
  });

  test("the next reading is the usage since the one before", async () => {
    using machine = tree({ "proc/stat": procStat([0, 0, 0, 0, 0, 0, 0, 0]) });
    const clock = new FakeClock();
    using cpu = new CpuCollector({ roots: machine.roots, clock, limits: undefined });
    const first = cpu.read();
    await clock.advance(100);
    expect((await first).usage_percent).toBeNull();
    machine.write("proc/stat", procStat([170, 0, 0, 30, 0, 0, 0, 0]));
    await clock.advance(2_000);
    expect(await cpu.read()).toMatchObject({ usage_percent: 85, status: "warning" });
    // A minute later a new, short measurement is due.
    await clock.advance(60_000);
    const later = cpu.read();
    machine.write("proc/stat", procStat([180, 0, 0, 30, 0, 0, 0, 0]));
    await clock.advance(100);
    expect((await later).usage_percent).toBe(100);
  });

  test("counters that go back are no figure", async () => {
    using machine = tree({ "proc/stat": procStat([500, 0, 0, 500, 0, 0, 0, 0]) });
    const clock = new FakeClock();
    using cpu = new CpuCollector({ roots: machine.roots, clock, limits: undefined });
    const first = cpu.read();
    machine.write("proc/stat", procStat([400, 0, 0, 700, 0, 0, 0, 0]));
    await clock.advance(100);
    expect(await first).toMatchObject({ usage_percent: null, status: null });
  });

  test.each([
    ["cpu.stat", "usage_usec 4000000\nuser_usec 1\n", "usage_usec 4900000\nuser_usec 1\n"],
    ["nanoseconds", "4000000000\n", "4900000000\n"],
  ] as const)("in a container it is the share of the limit (%s)", async (unit, before, after) => {
    using machine = tree({ "proc/stat": captured("proc/stat"), usage: before });
    const clock = new FakeClock();
    const limits = { cores: 1.5, usageFile: `${machine.path}/usage`, unit };
    using cpu = new CpuCollector({ roots: machine.roots, clock, limits });
    const first = cpu.read();
    await clock.advance(100);
    await first;
    machine.write("usage", after);
    await clock.advance(1_000);
    // 900 ms of CPU in one second of one and a half.
    expect(await cpu.read()).toMatchObject({ usage_percent: 60, cores: 1.5, scope: "container" });
  });

  test("frequency: the governor's, averaged over cores, else the processor's, else none", async () => {
    using machine = tree({ "proc/stat": captured("proc/stat"), "proc/cpuinfo": captured("proc/cpuinfo") });
    const clock = new FakeClock();
    const mhz = async () => {
      using cpu = new CpuCollector({ roots: machine.roots, clock, limits: undefined });
      const reading = cpu.read();
      await clock.advance(100);
      return (await reading).frequency;
    };
    expect(await mhz()).toBe(2596);
    const policy = (number: number) => `sys/devices/system/cpu/cpufreq/policy${number}`;
    machine.write(`${policy(0)}/scaling_cur_freq`, "1800000\n");
    machine.write(`${policy(0)}/affected_cpus`, "0 1 2\n");
    machine.write(`${policy(3)}/scaling_cur_freq`, "3000000\n");
    machine.write(`${policy(3)}/affected_cpus`, "3\n");
    expect(await mhz()).toBe(2100);
    machine.write(`${policy(0)}/scaling_cur_freq`, "<unknown>\n");
    machine.write(`${policy(3)}/scaling_cur_freq`, "<unknown>\n");
    expect(await mhz()).toBe(2596);
    expect(parseCpuInfoMhz("processor\t: 0\nBogoMIPS\t: 48.00\nCPU implementer\t: 0x41\n")).toBeNull();
  });

  test("nonsense is an error or a figure, never something else", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(() => parseProcStat(`intr ${text}`)).toThrow("/proc/stat has no cpu line");
        const { busy, total, cores } = parseProcStat(`cpu  ${text}`);
        expect(typeof busy).toBe("number");
        expect(typeof total).toBe("number");
        expect(cores).toBeGreaterThan(0);
        expect(typeof parseGroupUsage(text, "cpu.stat")).toBe("number");
        expect(parseCpuInfoMhz(text) ?? 1).toBeGreaterThan(0);
      }),
    );
  });
});

describe("memory", () => {
  test("used is what is not available", () => {
    using machine = tree({ "proc/meminfo": captured("proc/meminfo") });
    using memory = new MemoryCollector({ roots: machine.roots, limits: undefined });
    const kib = (key: string) => Number(new RegExp(`^${key}:\\s+(\\d+)`, "m").exec(captured("proc/meminfo"))?.[1]);
    const reading = memory.read();
    expect(reading.total_gb).toBe(23.5);
    expect(reading.scope).toBe("host");
    expect(reading.usage_percent).toBeCloseTo(100 - (kib("MemAvailable") / kib("MemTotal")) * 100, 0);
    machine.write("proc/meminfo", "MemTotal: 16777216 kB\nMemFree: 1 kB\nMemAvailable: 4194304 kB\n");
    expect(memory.read()).toEqual({
      usage_percent: 75,
      total_gb: 16,
      available_gb: 4,
      status: "high",
      scope: "host",
    });
  });

  test("kernels that do not say what is available are understood", () => {
    const old = "MemTotal: 1000 kB\nMemFree: 100 kB\nBuffers: 50 kB\nCached: 250 kB\n";
    expect(parseMeminfo(old)).toEqual({ totalBytes: 1_024_000, availableBytes: 409_600 });
  });

  test("in a container it is the limit and what is used of it without cache that can be dropped", () => {
    using machine = tree({ usage: `${3 * GIB}\n`, stat: `anon 1\ninactive_file ${GIB}\nactive_file 5\n` });
    const limits = {
      limitBytes: 4 * GIB,
      usageFile: `${machine.path}/usage`,
      statFile: `${machine.path}/stat`,
      inactiveKey: "inactive_file" as const,
    };
    using memory = new MemoryCollector({ roots: machine.roots, limits });
    expect(memory.read()).toEqual({
      usage_percent: 50,
      total_gb: 4,
      available_gb: 2,
      status: "normal",
      scope: "container",
    });
    // The cache shrinks between the two files' readings.
    machine.write("usage", `${GIB / 2}\n`);
    expect(memory.read().usage_percent).toBe(0);
    machine.write("usage", "nonsense\n");
    expect(() => memory.read()).toThrow("does not say how much memory it uses");
  });

  test("version 1 counts the cache of the groups below, too", () => {
    expect(parseGroupMemory("1000\n", "inactive_file 1\ntotal_inactive_file 400\n", "total_inactive_file")).toBe(600);
  });

  test("nonsense is an error", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(() => parseMeminfo(text)).toThrow("/proc/meminfo does not say how much memory there is");
      }),
    );
  });
});

describe("network", () => {
  test("sums the interfaces that are not loopback", () => {
    expect(
      parseNetDev(`Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo: 111 1 0 0 0 0 0 0 111 1 0 0 0 0 0 0
  eth0:1000 10 0 0 0 0 0 0 2000 20 0 0 0 0 0 0
 wlan0: 1 2 0 0 0 0 0 0 3 4 0 0 0 0 0 0
`),
    ).toEqual({ bytes_recv: 1001, packets_recv: 12, bytes_sent: 2003, packets_sent: 24 });
    const eth0 = /eth0:(.*)$/m.exec(captured("proc/net-dev"))?.[1]?.trim().split(/\s+/).map(Number) ?? [];
    expect(parseNetDev(captured("proc/net-dev"))).toMatchObject({ bytes_recv: eth0[0], bytes_sent: eth0[8] });
  });

  test("only loopback is no traffic; no interface at all is no answer", () => {
    expect(parseNetDev("lo: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0\n").bytes_sent).toBe(0);
    expect(() => parseNetDev("")).toThrow();
  });

  test("rates are bytes a second between readings; none at first, after a reset and after a pause", async () => {
    using machine = tree();
    const interfaceOf = (received: number, sent: number) =>
      machine.write("proc/net/dev", `eth0: ${received} 1 0 0 0 0 0 0 ${sent} 1 0 0 0 0 0 0\n`);
    const clock = new FakeClock();
    using network = new NetworkCollector({ roots: machine.roots, clock });
    const rates = (received: number, sent: number) => {
      interfaceOf(received, sent);
      const { bytes_recv_per_sec, bytes_sent_per_sec } = network.read();
      return [bytes_recv_per_sec, bytes_sent_per_sec];
    };
    expect(rates(1_000, 5_000)).toEqual([null, null]);
    await clock.advance(2_000);
    expect(rates(5_000, 5_000)).toEqual([2_000, 0]);
    await clock.advance(2_000);
    // The driver was loaded anew: what it received so far is not negative traffic.
    expect(rates(100, 6_000)).toEqual([null, 500]);
    await clock.advance(2_000);
    expect(rates(300, 6_000)).toEqual([100, 0]);
    await clock.advance(60_000);
    expect(rates(900, 6_000)).toEqual([null, null]);
    // Two readings at the same instant have no rate.
    expect(rates(901, 6_000)).toEqual([null, null]);
  });

  test("nonsense is an error or counts that are whole and not negative", () => {
    const count = fc.oneof(fc.bigInt({ min: 0n, max: 2n ** 64n }).map(String), fc.string());
    fc.assert(
      fc.property(fc.array(count, { minLength: 14, maxLength: 18 }), fc.string(), (fields, noise) => {
        let totals: ReturnType<typeof parseNetDev> | undefined;
        try {
          totals = parseNetDev(`${noise}\neth0: ${fields.join(" ")}\neth1: ${fields.join(" ")}\n`);
        } catch (error) {
          expect(String(error)).toContain("/proc/net/dev does not say");
        }
        for (const value of Object.values(totals ?? {})) {
          expect(Number.isSafeInteger(value) && value >= 0).toBe(true);
        }
      }),
    );
  });
});

describe("disk", () => {
  test("percent is what df shows: blocks kept for root are neither used nor free", () => {
    // `df -B1` on the machine of the other captures: 270553174016 in all, 29447950336 used, 79496343552 available, 28%.
    // df rounds 27.03 up.
    const blocks = { bsize: 4096, blocks: 66_053_021, bfree: 58_863_643, bavail: 19_408_350 };
    expect(diskResources(blocks, "/data")).toEqual({
      usage_percent: 27,
      total_gb: 252,
      free_gb: 74,
      status: "normal",
      path: "/data",
      free_bytes: 19_408_350 * 4096,
      inodes_usage_percent: null,
    });
  });

  test("files are counted where there is room for so many and no more, as `df -i` does", () => {
    const blocks = { bsize: 4096, blocks: 100, bfree: 50, bavail: 50 };
    expect(diskResources({ ...blocks, files: 1_000, ffree: 85 }, "/data").inodes_usage_percent).toBe(91.5);
    // btrfs makes room for files as it goes.
    expect(diskResources({ ...blocks, files: 0, ffree: 0 }, "/data").inodes_usage_percent).toBeNull();
  });

  test("a file system without blocks has no percentage", () => {
    const blocks = { bsize: 4096, blocks: 0, bfree: 0, bavail: 0 };
    expect(diskResources(blocks, "/proc")).toMatchObject({ usage_percent: null, status: null, total_gb: 0 });
  });
});

describe("percentages and levels", () => {
  const bytes = fc.double({ min: 0, max: 2 ** 60, noNaN: true });

  test("a percentage is between 0 and 100 with one decimal, or null", () => {
    fc.assert(
      fc.property(fc.double(), fc.double(), (used, total) => {
        const percent = percentOf(used, total);
        if (percent === null) return;
        expect(percent).toBeGreaterThanOrEqual(0);
        expect(percent).toBeLessThanOrEqual(100);
        expect(Math.round(percent * 10) / 10).toBe(percent);
      }),
    );
  });

  test("the level is that of the percentage beside it", () => {
    fc.assert(
      fc.property(bytes, bytes, (total, available) => {
        const { usage_percent, status } = memoryResources(total, available, "host");
        expect(status).toBe(usage_percent === null ? null : levelOf(usage_percent));
      }),
    );
  });

  test.each([
    [69.9, "normal"],
    [70, "high"],
    [79.9, "high"],
    [80, "warning"],
    [89.9, "warning"],
    [89.96, "critical"],
    [90, "critical"],
    [100, "critical"],
  ] as const)("%p percent is %s", (percent, status) => {
    expect(memoryResources(10_000, 10_000 - percent * 100, "host").status).toBe(status);
  });
});
