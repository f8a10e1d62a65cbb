import { readFileSync } from "node:fs";
import { processTree } from "./process-tree.ts";

/** Less than this is an engine that writes its log or answers a probe, and not one that reads a model. */
const PROGRESS_BYTES = 1024 * 1024;

/**
 * How much an engine's processes have read since they were started, which a model that is loaded makes grow, also when
 * nothing is said of it. Linux; elsewhere nothing is seen.
 */
export class Reading {
  #bytes = 0;

  /** Read so far. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Looks anew. @returns whether it has grown. */
  look(pid: number): boolean {
    const bytes = processTree(pid).reduce((sum, each) => sum + bytesReadBy(each), 0);
    const grown = bytes >= this.#bytes + PROGRESS_BYTES;
    // A worker that ends takes its count away; what was read was read.
    if (bytes > this.#bytes) this.#bytes = bytes;
    return grown;
  }
}

/**
 * `rchar` counts what was read by calls, from the page cache as well; `read_bytes` what came from the disk, into mapped
 * files as well. A model is read in one of these ways.
 */
function bytesReadBy(pid: number): number {
  try {
    const text = readFileSync(`/proc/${pid}/io`, "latin1");
    const count = (name: string) => Number(new RegExp(`^${name}: (\\d+)$`, "m").exec(text)?.[1] ?? 0);
    return Math.max(count("rchar"), count("read_bytes"));
  } catch {
    // It is gone, or another user's.
    return 0;
  }
}
