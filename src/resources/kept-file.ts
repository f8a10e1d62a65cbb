import { closeSync, openSync, readSync } from "node:fs";

/** Bytes a file may have before reading it again takes a larger buffer; /proc/stat of 256 cores fits. */
const INITIAL_BYTES = 32_768;

/**
 * A file of /proc or /sys that is read again and again: the descriptor stays open and each reading starts at offset 0,
 * which costs a third of opening it anew.
 */
export class KeptFile implements Disposable {
  readonly #path: string;
  #descriptor: number | undefined;
  #buffer = Buffer.allocUnsafe(INITIAL_BYTES);

  constructor(path: string) {
    this.#path = path;
  }

  /** @throws the system's error when the file is not there or not readable. */
  text(): string {
    this.#descriptor ??= openSync(this.#path, "r");
    try {
      let length = 0;
      for (;;) {
        const read = readSync(this.#descriptor, this.#buffer, length, this.#buffer.length - length, length);
        if (read === 0) return this.#buffer.toString("latin1", 0, length);
        length += read;
        if (length === this.#buffer.length) this.#buffer = Buffer.concat([this.#buffer], length * 2);
      }
    } catch (error) {
      // A device or a group that is gone keeps failing on this descriptor; the next reading opens what is there then.
      this[Symbol.dispose]();
      throw error;
    }
  }

  [Symbol.dispose](): void {
    if (this.#descriptor === undefined) return;
    closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }
}
