import { statfs } from "node:fs/promises";
import type { Clock } from "../../clock.ts";
import { type DiskResources, levelOf } from "../../contract/index.ts";
import { type Collector, gigabytes, percentOf } from "../collector.ts";

/** A local file system answers within a millisecond; a network one that takes longer than this hangs. */
const ANSWER_MS = 1_000;

/** What `statfs` says, in blocks. */
export interface FileSystemBlocks {
  readonly bsize: number;
  readonly blocks: number;
  readonly bfree: number;
  /** Free to processes without privileges. */
  readonly bavail: number;
}

/**
 * The file system of one directory. One that hangs (a network share that is gone) is reported as unknown, is asked
 * again only after it answered, and holds nothing else up.
 */
export class DiskCollector implements Collector<DiskResources> {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #ask: (path: string) => Promise<FileSystemBlocks>;
  #asking: Promise<FileSystemBlocks> | undefined;

  constructor(parts: { path: string; clock: Clock; ask?: (path: string) => Promise<FileSystemBlocks> }) {
    this.#path = parts.path;
    this.#clock = parts.clock;
    this.#ask = parts.ask ?? statfs;
  }

  async read(): Promise<DiskResources> {
    this.#asking ??= this.#ask(this.#path).finally(() => {
      this.#asking = undefined;
    });
    const late = Promise.withResolvers<never>();
    using _timer = this.#clock.after(ANSWER_MS, () =>
      late.reject(new Error(`the file system of ${this.#path} does not answer`)),
    );
    const blocks = await Promise.race([this.#asking, late.promise]);
    return diskResources(blocks, this.#path);
  }

  [Symbol.dispose](): void {}
}

/** The contract's figures as `df` reckons them: what only root may use is neither used nor free. */
export function diskResources(blocks: FileSystemBlocks, path: string): DiskResources {
  const used = blocks.blocks - blocks.bfree;
  const usage_percent = percentOf(used, used + blocks.bavail);
  return {
    usage_percent,
    total_gb: gigabytes(blocks.blocks * blocks.bsize),
    free_gb: gigabytes(blocks.bavail * blocks.bsize),
    status: usage_percent === null ? null : levelOf(usage_percent),
    path,
  };
}
