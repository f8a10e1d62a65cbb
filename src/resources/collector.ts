import type { SystemResources } from "../contract/index.ts";

/**
 * Reads one thing the machine can tell. A reading is cheap, spawns no process, and says `null` for what the machine
 * does not report.
 *
 * Disposing lets go of what it holds between readings (descriptors, a child process); a later reading takes it again.
 */
export interface Collector<Reading> extends Partial<Disposable> {
  /** What a log line calls it. */
  readonly name: string;
  /** @throws whatever keeps it from reading; who asked then reports the part as unknown. */
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

/** `value`, or null when it is no figure (the result of reading a text that is none). */
export function orNull(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
