import { join } from "node:path";
import type { Clock } from "../../clock.ts";
import type { NetworkResources } from "../../contract/index.ts";
import type { Collector } from "../collector.ts";
import { KeptFile } from "../kept-file.ts";
import { RateMeter } from "../rate-meter.ts";
import type { Roots } from "../roots.ts";

/** Totals since boot over the interfaces that are not loopback. */
export interface NetworkTotals {
  readonly bytes_sent: number;
  readonly bytes_recv: number;
  readonly packets_sent: number;
  readonly packets_recv: number;
}

/** Network on Linux: /proc/net/dev, which inside a container shows the container's own interfaces. */
export class NetworkCollector implements Collector<NetworkResources> {
  readonly name = "network";
  readonly #file: KeptFile;
  readonly #rates: RateMeter;

  constructor(parts: { roots: Roots; clock: Clock }) {
    this.#file = new KeptFile(join(parts.roots.proc, "net/dev"));
    this.#rates = new RateMeter(parts.clock);
  }

  read(): NetworkResources {
    const totals = parseNetDev(this.#file.text());
    return { ...totals, ...this.#rates.read(totals) };
  }

  [Symbol.dispose](): void {
    this.#file[Symbol.dispose]();
  }
}

/** @throws Error when `text` lists no interface at all, not even loopback, or counts beyond what a number holds. */
export function parseNetDev(text: string): NetworkTotals {
  const totals = { bytes_sent: 0, bytes_recv: 0, packets_sent: 0, packets_recv: 0 };
  let interfaces = 0;
  for (const line of text.split("\n")) {
    const match = /^\s*([^:\s]+):\s*(.*)$/.exec(line);
    if (!match) continue;
    // bytes packets errs drop fifo frame compressed multicast, received and then sent
    const fields = (match[2] ?? "").trim().split(/\s+/).map(Number);
    if (fields.length < 16 || fields.some((value) => !Number.isSafeInteger(value) || value < 0)) continue;
    interfaces++;
    if (match[1] === "lo") continue;
    totals.bytes_recv += fields[0] ?? 0;
    totals.packets_recv += fields[1] ?? 0;
    totals.bytes_sent += fields[8] ?? 0;
    totals.packets_sent += fields[9] ?? 0;
  }
  if (interfaces === 0 || !Object.values(totals).every(Number.isSafeInteger)) {
    throw new Error("/proc/net/dev does not say what was sent and received");
  }
  return totals;
}
