import { statfs } from "node:fs/promises";
import { type DiskResources, levelOf } from "../../contract/index.ts";
import { type Collector, gigabytes, percentOf } from "../collector.ts";

/** What `statfs` says, in blocks. */
export interface FileSystemBlocks {
  readonly bsize: number;
  readonly blocks: number;
  readonly bfree: number;
  /** Free to processes without privileges. */
  readonly bavail: number;
  /** Files and directories there is room for, and how many of them are left; 0 of 0 where that is not limited. */
  readonly files?: number;
  readonly ffree?: number;
}

/** The file system of one directory, asked beside the event loop because one on a network may hang. */
export class DiskCollector implements Collector<DiskResources> {
  readonly name = "disk";
  readonly #path: string;
  readonly #ask: (path: string) => Promise<FileSystemBlocks>;

  constructor(parts: { path: string; ask?: (path: string) => Promise<FileSystemBlocks> }) {
    this.#path = parts.path;
    this.#ask = parts.ask ?? statfs;
  }

  async read(): Promise<DiskResources> {
    return diskResources(await this.#ask(this.#path), this.#path);
  }
}

/** The contract's figures as `df` reckons them: what only root may use is neither used nor free. */
export function diskResources(blocks: FileSystemBlocks, path: string): DiskResources {
  // A file system that is over its quota reports more available than free, or less than nothing.
  const available = Math.min(blocks.bfree, Math.max(0, blocks.bavail));
  const used = blocks.blocks - blocks.bfree;
  const usage_percent = percentOf(used, used + available);
  return {
    usage_percent,
    total_gb: gigabytes(blocks.blocks * blocks.bsize),
    free_gb: gigabytes(available * blocks.bsize),
    status: usage_percent === null ? null : levelOf(usage_percent),
    path,
    free_bytes: available * blocks.bsize,
    inodes_usage_percent: percentOf((blocks.files ?? 0) - (blocks.ffree ?? 0), blocks.files ?? 0),
  };
}
