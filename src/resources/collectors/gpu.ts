import type { Logger } from "@logtape/logtape";
import type { Clock } from "../../clock.ts";
import type { GpuDevice, GpuResources } from "../../contract/index.ts";
import type { Collector } from "../collector.ts";
import { SteadyReader } from "../steady-reader.ts";

/** A vendor that hangs must not take the others' figures with it, so this is less than a part's own deadline. */
const DEADLINE_MS = 1_200;

/** All GPUs of the machine, vendor by vendor. */
export class GpuCollector implements Collector<GpuResources> {
  readonly name = "gpu";
  readonly #vendors: readonly SteadyReader<readonly GpuDevice[]>[];

  constructor(parts: { vendors: readonly Collector<readonly GpuDevice[]>[]; clock: Clock; log: Logger }) {
    const { vendors, clock, log } = parts;
    this.#vendors = vendors.map(
      (collector) => new SteadyReader({ collector, unknown: [], deadlineMs: DEADLINE_MS, clock, log }),
    );
  }

  async read(): Promise<GpuResources> {
    const devices: GpuDevice[] = [];
    let firstId = 0;
    for (const found of await Promise.all(this.#vendors.map((vendor) => vendor.read()))) {
      // The first vendor keeps its own numbers, which its tools use, too; the next ones' follow.
      devices.push(...found.map((device) => ({ ...device, id: firstId + device.id })));
      firstId = Math.max(-1, ...devices.map(({ id }) => id)) + 1;
    }
    return { available: devices.length > 0, device_count: devices.length, devices };
  }

  [Symbol.dispose](): void {
    for (const vendor of this.#vendors) vendor[Symbol.dispose]();
  }
}
