import type { SystemResources } from "../contract/index.ts";

/**
 * Reads one part of the machine's resources. A reading is cheap, never spawns a process, and says `null` for what the
 * machine does not report.
 */
export interface Collector<Reading> extends Disposable {
  /** @throws whatever keeps it from reading; the sampler then reports the part as unknown. */
  read(): Reading | Promise<Reading>;
}

/** One collector for each part of a `SystemResources`. */
export type Collectors = { readonly [Part in keyof SystemResources]: Collector<SystemResources[Part]> };

/** GB are 2^30 bytes, to one decimal. */
export function gigabytes(bytes: number): number {
  return Math.round((bytes / 2 ** 30) * 10) / 10;
}

/** `used` of `total` in percent, to one decimal, between 0 and 100; null when that is no number. */
export function percentOf(used: number, total: number): number | null {
  const percent = (used / total) * 100;
  return Number.isFinite(percent) ? Math.round(Math.min(100, Math.max(0, percent)) * 10) / 10 : null;
}
