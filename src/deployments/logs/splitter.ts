import { PART_BYTES } from "./format.ts";

const NEWLINE = 0x0a;
const RETURN = 0x0d;
/** Of a line that is written over and over, as progress bars are, so much time lies between two states that are kept. */
const OVERWRITE_MS = 1_000;
/** Bytes of one character in UTF-8, at most. */
const CHARACTER_BYTES = 4;

/** Gets each entry: a line (`full`), or a part of one that goes on in the next. The bytes are the receiver's to copy. */
export type OnEntry = (bytes: Uint8Array, full: boolean) => void;

/**
 * Cuts one output of an engine into lines, in memory bounded by one part of a line.
 *
 * A carriage return lets what follows it overwrite the line, as on a terminal: what a progress bar showed is kept at most
 * once a second, and its last state always. One before a newline belongs to the line's end.
 */
export class LineSplitter {
  readonly #onEntry: OnEntry;
  readonly #held = Buffer.alloc(PART_BYTES);
  #length = 0;
  /** Parts of the line were given out already. */
  #open = false;
  /** The line ends in a carriage return so far. */
  #returned = false;
  #overwritten = Number.NEGATIVE_INFINITY;

  constructor(onEntry: OnEntry) {
    this.#onEntry = onEntry;
  }

  /** Whether there is text whose line is not over. */
  get holds(): boolean {
    return this.#length > 0;
  }

  /** @param now milliseconds of a clock that only goes forward. */
  push(chunk: Uint8Array, now: number): void {
    let from = 0;
    let nextReturn = indexOf(chunk, RETURN, 0);
    while (from < chunk.length) {
      const newline = indexOf(chunk, NEWLINE, from);
      while (nextReturn < newline) {
        this.#add(chunk.subarray(from, nextReturn), now);
        this.#returned = true;
        from = nextReturn + 1;
        nextReturn = indexOf(chunk, RETURN, from);
      }
      const rest = chunk.subarray(from, newline);
      from = newline + 1;
      if (newline === chunk.length) this.#add(rest, now);
      // Almost every line: it begins and ends in this chunk.
      else if (this.#length === 0 && !this.#open && rest.length <= PART_BYTES) this.#give(rest, true);
      else {
        this.#add(rest, now);
        this.#endLine();
      }
    }
  }

  /** Gives out what is held of a line that is not over: it may never be. */
  giveHeld(): void {
    if (this.#length > 0) this.#giveHeld(this.#length, false);
  }

  /** There is no more. */
  end(): void {
    if (this.#length > 0 || this.#open) this.#endLine();
  }

  #add(bytes: Uint8Array, now: number): void {
    if (bytes.length === 0) return;
    if (this.#returned) this.#overwrite(now);
    let from = 0;
    while (from < bytes.length) {
      if (this.#length === PART_BYTES) this.#giveHeld(wholeCharacters(this.#held), false);
      const taken = Math.min(PART_BYTES - this.#length, bytes.length - from);
      this.#held.set(bytes.subarray(from, from + taken), this.#length);
      this.#length += taken;
      from += taken;
    }
  }

  #overwrite(now: number): void {
    this.#returned = false;
    const shown = this.#length > 0 && now - this.#overwritten >= OVERWRITE_MS;
    if (shown) this.#overwritten = now;
    if (shown || this.#open) this.#endLine();
    this.#length = 0;
  }

  #endLine(): void {
    this.#giveHeld(this.#length, true);
  }

  #giveHeld(length: number, full: boolean): void {
    this.#give(this.#held.subarray(0, length), full);
    this.#held.copyWithin(0, length, this.#length);
    this.#length -= length;
  }

  #give(bytes: Uint8Array, full: boolean): void {
    this.#open = !full;
    if (full) this.#returned = false;
    this.#onEntry(bytes, full);
  }
}

/** Where `byte` is, or the end. */
function indexOf(bytes: Uint8Array, byte: number, from: number): number {
  const found = bytes.indexOf(byte, from);
  return found === -1 ? bytes.length : found;
}

/** How much of a full buffer can be given without cutting a character of UTF-8 in two; all of it if it is none. */
function wholeCharacters(bytes: Buffer): number {
  for (let back = 1; back <= CHARACTER_BYTES; back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if ((byte & 0xc0) === 0x80) continue;
    const needed = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return needed > back ? bytes.length - back : bytes.length;
  }
  return bytes.length;
}
