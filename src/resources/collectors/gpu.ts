import type { Clock } from "../../clock.ts";
import type { GpuResources } from "../../contract/index.ts";
import type { Collector } from "../collector.ts";
import type { Roots } from "../roots.ts";
import { AmdDevices } from "./amd.ts";
import { NvidiaDevices } from "./nvidia.ts";

/** All GPUs of the machine, NVIDIA's first. */
export class GpuCollector implements Collector<GpuResources> {
  readonly #nvidia: NvidiaDevices;
  readonly #amd: AmdDevices;

  constructor(parts: { roots: Roots; clock: Clock; nvidiaCommand?: readonly string[] }) {
    const { clock, roots, nvidiaCommand } = parts;
    this.#nvidia = new NvidiaDevices(nvidiaCommand ? { clock, command: nvidiaCommand } : { clock });
    this.#amd = new AmdDevices({ roots, clock });
  }

  async read(): Promise<GpuResources> {
    const nvidia = await this.#nvidia.read();
    const amd = this.#amd.read(Math.max(-1, ...nvidia.map((device) => device.id)) + 1);
    return gpuResources([...nvidia, ...amd]);
  }

  [Symbol.dispose](): void {
    this.#nvidia[Symbol.dispose]();
  }
}

/** Reports no GPU without looking: for who has switched them off. */
export class NoGpuCollector implements Collector<GpuResources> {
  read(): GpuResources {
    return gpuResources([]);
  }

  [Symbol.dispose](): void {}
}

export function gpuResources(devices: GpuResources["devices"]): GpuResources {
  return { available: devices.length > 0, device_count: devices.length, devices };
}
