import { ftruncateSync, readSync, write } from "node:fs";
import { type Clock, isoTime } from "../../clock.ts";
import {
  closeQuietly,
  createPart,
  createStart,
  type LogFile,
  openNewest,
  PARTS_KEPT,
  prune,
  START_LIMIT_BYTES,
  sizeOf,
} from "./files.ts";
import { type LogStream, PART_BYTES, prefixOf } from "./format.ts";
import { LastLines } from "./last-lines.ts";
import { LineSplitter } from "./splitter.ts";

/** Gathered into one write. */
const BLOCK_BYTES = 256 * 1024;
/** Unwritten bytes from which whoever hands over more is made to wait: that is how a slow disk slows the engine down. */
const HIGH_WATER_BYTES = 1024 * 1024;
/** Blocks kept for the next write. */
const SPARE_BLOCKS = 4;
/** After a write failed, everything is dropped for so long; then it is tried again. */
const RETRY_MS = 1_000;
/** A line that is not over is shown as far as it is after so long: "Loading model..." may be the last words. */
const HELD_MS = 1_000;

interface Block {
  readonly bytes: Buffer;
  length: number;
  lines: number;
}

export interface LogWriterOptions {
  /** DATA_DIR/logs/dep-3. */
  readonly directory: string;
  readonly clock: Clock;
  /** Begin a new start's file, or go on with the newest one, after this server was away. */
  readonly begin: "new" | "continue";
  /** Of one start; for tests. */
  readonly limitBytes?: number;
}

/**
 * Writes one start's log: `2026-11-25T12:00:00.123Z stdout F text`, in parts of which the newest are kept.
 *
 * It never throws and never loses anything silently: what cannot be written is dropped, and a `system` line says how much
 * as soon as something can be written again. Memory is bounded as long as each `write` is waited for before the next.
 */
export class LogWriter {
  readonly #options: LogWriterOptions;
  readonly #partLimit: number;
  readonly #last = new LastLines();
  readonly #splitters: Readonly<Record<"stdout" | "stderr", LineSplitter>>;
  /** Outputs that are in the middle of a line. */
  readonly #inside = new Set<LogStream>();
  #file: LogFile | undefined;
  #fd: number | undefined;
  /** In the current part. */
  #size = 0;
  #time = "";
  #filling: Block | undefined;
  readonly #full: Block[] = [];
  readonly #spare: Block[] = [];
  #unwritten = 0;
  #flushing: Promise<void> | undefined;
  #dropped: { lines: number; why: string } | undefined;
  #retry: Disposable | undefined;
  #heldDue: Disposable | undefined;
  #closed = false;

  constructor(options: LogWriterOptions) {
    this.#options = options;
    this.#partLimit = (options.limitBytes ?? START_LIMIT_BYTES) / PARTS_KEPT;
    this.#splitters = {
      stdout: new LineSplitter((bytes, full) => this.#entry("stdout", bytes, full)),
      stderr: new LineSplitter((bytes, full) => this.#entry("stderr", bytes, full)),
    };
    try {
      this.#open();
    } catch (error) {
      this.#fail(0, error);
    }
  }

  /**
   * Takes what an engine wrote. The bytes are copied.
   *
   * @param at when it was written, in milliseconds; now when left out.
   * @returns what to wait for before the next call; undefined when there is nothing to wait for.
   */
  write(stream: "stdout" | "stderr", bytes: Uint8Array, at = this.#options.clock.now()): Promise<void> | undefined {
    this.#time = isoTime(at);
    this.#splitters[stream].push(bytes, this.#options.clock.monotonic());
    this.#watchHeld();
    return this.#handOver();
  }

  /**
   * Takes one entry of an output that somebody has cut into lines already: a line (`full`), or a part of one that goes on
   * in the next, of at most `PART_BYTES`. Otherwise as `write`; an output is given to the one or the other.
   */
  add(stream: "stdout" | "stderr", bytes: Uint8Array, full: boolean, at: number): Promise<void> | undefined {
    this.#time = isoTime(at);
    this.#entry(stream, bytes.subarray(0, PART_BYTES), full);
    return this.#handOver();
  }

  /** Adds a line of our own. */
  mark(text: string): void {
    this.#time = isoTime(this.#options.clock.now());
    this.#entry("system", Buffer.from(text.replaceAll(/[\r\n]+/g, " ")).subarray(0, PART_BYTES), true);
    void this.#handOver();
  }

  /** What the engine wrote last, oldest first, whether it could be kept or not. */
  lastLines(): readonly string[] {
    return this.#last.list();
  }

  /** Ends unfinished lines, and resolves when everything is written that can be. Later writes are ignored. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#heldDue?.[Symbol.dispose]();
    this.#time = isoTime(this.#options.clock.now());
    this.#splitters.stdout.end();
    this.#splitters.stderr.end();
    this.#cancelRetry();
    await this.#handOver("all");
    this.#closed = true;
    this.#cancelRetry();
    if (this.#fd !== undefined) closeQuietly(this.#fd);
    this.#fd = undefined;
  }

  #entry(stream: LogStream, bytes: Uint8Array, full: boolean): void {
    if (this.#closed) return;
    const prefix = prefixOf(this.#time, stream, full);
    const size = prefix.length + bytes.length + 1;
    let block = this.#filling;
    if (!block || block.length + size > BLOCK_BYTES) {
      if (block) this.#full.push(block);
      block = this.#spare.pop() ?? { bytes: Buffer.allocUnsafe(BLOCK_BYTES), length: 0, lines: 0 };
      this.#filling = block;
    }
    block.length += block.bytes.write(prefix, block.length, "latin1");
    block.bytes.set(bytes, block.length);
    block.length += bytes.length;
    block.bytes[block.length++] = 0x0a;
    block.lines += 1;
    this.#unwritten += size;
    if (stream === "system") return;
    // Of a line in parts the first one, which says what it is about.
    if (!this.#inside.has(stream))
      this.#last.add(block.bytes.subarray(block.length - bytes.length - 1, block.length - 1));
    if (full) this.#inside.delete(stream);
    else this.#inside.add(stream);
  }

  /** Begins to write what there is, unless that is being done; the promise is one to wait for. */
  #handOver(wait: "all" | "room" = "room"): Promise<void> | undefined {
    if (this.#closed) return undefined;
    this.#last.settle();
    this.#flushing ??= this.#flush();
    return wait === "all" || this.#unwritten > HIGH_WATER_BYTES ? this.#flushing : undefined;
  }

  async #flush(): Promise<void> {
    // What is written in one go is gathered.
    await Promise.resolve();
    for (;;) {
      const block = this.#full.shift() ?? this.#filling;
      if (block === this.#filling) this.#filling = undefined;
      if (block) {
        await this.#store(block);
        this.#recycle(block);
      } else if (this.#dropped && !this.#retry) await this.#store(undefined);
      else break;
    }
    // In the same step in which there was nothing left, so that nothing is left behind.
    this.#flushing = undefined;
  }

  #recycle(block: Block): void {
    this.#unwritten -= block.length;
    if (this.#spare.length < SPARE_BLOCKS) this.#spare.push({ bytes: block.bytes, length: 0, lines: 0 });
  }

  /** Writes a block, or gives it up. */
  async #store(block: Block | undefined): Promise<void> {
    const lines = block?.lines ?? 0;
    if (this.#retry && this.#dropped) {
      this.#dropped.lines += lines;
      return;
    }
    try {
      if (this.#fd === undefined) this.#open();
      if (this.#size > 0 && this.#size + (block?.length ?? 0) > this.#partLimit) await this.#rotate();
      if (this.#dropped && this.#dropped.lines > 0) {
        const { lines: count, why } = this.#dropped;
        await this.#append(this.#system(`${count} ${count === 1 ? "line was" : "lines were"} not kept: ${why}`));
      }
      this.#dropped = undefined;
      if (block) await this.#append(block.bytes.subarray(0, block.length));
    } catch (error) {
      this.#fail(lines, error);
    }
  }

  /** Whole or not at all: half a line would spoil the next. */
  async #append(bytes: Buffer): Promise<void> {
    const fd = this.#fd;
    if (fd === undefined) throw new Error("there is no file");
    let written = 0;
    try {
      while (written < bytes.length) {
        written += await writeAt(fd, bytes.subarray(written), this.#size + written);
      }
      this.#size += written;
    } catch (error) {
      ftruncateSync(fd, this.#size);
      throw error;
    }
  }

  #open(): void {
    const { directory, begin } = this.#options;
    const { file, fd } = begin === "continue" ? openNewest(directory) : createStart(directory);
    this.#file = file;
    this.#fd = fd;
    this.#size = wholeSize(fd, sizeOf(file.path));
    prune(directory, file);
  }

  async #rotate(): Promise<void> {
    const { directory } = this.#options;
    if (!this.#file) return;
    const { start, offset } = this.#file;
    const position = { start, offset: offset + this.#size };
    const { file, fd } = createPart(directory, position);
    if (this.#fd !== undefined) closeQuietly(this.#fd);
    this.#file = file;
    this.#fd = fd;
    this.#size = 0;
    prune(directory, file);
    const kept = this.#partLimit * PARTS_KEPT;
    await this.#append(
      this.#system(`${position.offset} bytes of this start came before this; its newest ${kept} are kept`),
    );
  }

  #system(text: string): Buffer {
    return Buffer.from(`${prefixOf(isoTime(this.#options.clock.now()), "system", true)}${text}\n`);
  }

  #fail(lines: number, error: unknown): void {
    const why = error instanceof Error ? error.message : String(error);
    this.#dropped = { lines: (this.#dropped?.lines ?? 0) + lines, why };
    if (this.#closed) return;
    this.#cancelRetry();
    this.#retry = this.#options.clock.after(RETRY_MS, () => {
      this.#retry = undefined;
      void this.#handOver();
    });
  }

  #cancelRetry(): void {
    this.#retry?.[Symbol.dispose]();
    this.#retry = undefined;
  }

  #watchHeld(): void {
    const { stdout, stderr } = this.#splitters;
    if (this.#heldDue || !(stdout.holds || stderr.holds)) return;
    this.#heldDue = this.#options.clock.after(HELD_MS, () => {
      this.#heldDue = undefined;
      this.#time = isoTime(this.#options.clock.now());
      stdout.giveHeld();
      stderr.giveHeld();
      void this.#handOver();
    });
  }
}

function writeAt(fd: number, bytes: Buffer, position: number): Promise<number> {
  return new Promise((resolve, reject) =>
    write(fd, bytes, 0, bytes.length, position, (error, written) => (error ? reject(error) : resolve(written))),
  );
}

/** Up to the last newline: behind it may be what was being written when the power went. */
function wholeSize(fd: number, size: number): number {
  const tail = Buffer.alloc(Math.min(size, 4 * PART_BYTES));
  const read = readSync(fd, tail, 0, tail.length, size - tail.length);
  const newline = tail.subarray(0, read).lastIndexOf(0x0a);
  const whole = newline === -1 ? size - tail.length : size - tail.length + newline + 1;
  if (whole < size) ftruncateSync(fd, whole);
  return whole;
}
