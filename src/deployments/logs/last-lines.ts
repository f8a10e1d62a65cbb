/** Kept for the report of a failure. */
const LINES = 50;
/** Each is cut after so many bytes. */
const LINE_BYTES = 2_000;

/**
 * The last lines of an output that may be fast: of what comes in one go only the end is copied.
 */
export class LastLines {
  #kept: string[] = [];
  /** Views of bytes that are valid until `settle`. */
  #fresh: Uint8Array[] = [];
  #next = 0;

  /** The bytes are looked at again in `settle`, and not after it. */
  add(line: Uint8Array): void {
    this.#fresh[this.#next] = line;
    this.#next = (this.#next + 1) % LINES;
  }

  /** Takes what was added. */
  settle(): void {
    if (this.#fresh.length === 0) return;
    const ordered = [...this.#fresh.slice(this.#next), ...this.#fresh.slice(0, this.#next)];
    const texts = ordered.map((line) => Buffer.from(line.subarray(0, LINE_BYTES)).toString("utf8"));
    this.#kept = [...this.#kept, ...texts].slice(-LINES);
    this.#fresh = [];
    this.#next = 0;
  }

  /** Oldest first. */
  list(): readonly string[] {
    return this.#kept;
  }
}
