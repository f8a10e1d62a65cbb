import { expect, test } from "bun:test";
import { getLogger } from "@logtape/logtape";
import type { Collectors } from "../../src/resources/collector.ts";
import { Sampler } from "../../src/resources/sampler.ts";
import { FakeClock } from "../fake-clock.ts";

test("a sample names the parts that could not be read, and why, for as long as that is so", async () => {
  const clock = new FakeClock();
  let broken = true;
  const collectors: Collectors = {
    cpu: { name: "cpu", read: () => ({ usage_percent: 1, cores: 1, frequency: null, status: null }) },
    memory: {
      name: "memory",
      read() {
        if (broken) throw new Error("EIO: i/o error, read");
        return { usage_percent: 50, total_gb: 1, available_gb: 1, status: "normal" };
      },
    },
    disk: {
      name: "disk",
      read: async () => {
        if (broken) await new Promise(() => {});
        return { usage_percent: 50, total_gb: 1, free_gb: 1, status: "normal" };
      },
    },
    gpu: { name: "gpu", read: () => ({ available: false, device_count: 0, devices: [] }) },
    network: { name: "network", read: () => ({ bytes_sent: 0, bytes_recv: 0, packets_sent: 0, packets_recv: 0 }) },
  };
  using sampler = new Sampler({ collectors, clock, log: getLogger("failing-parts") });
  const sampled = sampler.sample();
  await clock.advance(1_500);
  const { data, failing } = await sampled;
  expect(failing).toEqual({ memory: "EIO: i/o error, read", disk: "no answer within 1500 ms" });
  expect([data.cpu.usage_percent, data.memory.usage_percent, data.disk.usage_percent]).toEqual([1, null, null]);
  broken = false;
  expect((await sampler.sample()).failing).toEqual({ disk: "an earlier reading still hangs" });
});
