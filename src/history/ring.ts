/** The last values of one series with their times, in memory of a fixed size: the oldest makes way for the newest. */
export class Ring {
  readonly #times: Float64Array;
  readonly #values: Float64Array;
  #next = 0;
  #length = 0;

  constructor(capacity: number) {
    this.#times = new Float64Array(capacity);
    this.#values = new Float64Array(capacity);
  }

  get length(): number {
    return this.#length;
  }

  get oldestTime(): number | undefined {
    return this.#length === 0
      ? undefined
      : this.#times[(this.#next - this.#length + this.#times.length) % this.#times.length];
  }

  get newestTime(): number | undefined {
    return this.#length === 0 ? undefined : this.#times[(this.#next - 1 + this.#times.length) % this.#times.length];
  }

  push(time: number, value: number): void {
    this.#times[this.#next] = time;
    this.#values[this.#next] = value;
    this.#next = (this.#next + 1) % this.#times.length;
    this.#length = Math.min(this.#length + 1, this.#times.length);
  }

  /** From the oldest to the newest as they came, which is the order of their times unless the clock was set. */
  *entries(): Generator<{ readonly time: number; readonly value: number }> {
    const size = this.#times.length;
    for (let i = size - this.#length; i < size; i++) {
      const at = (this.#next + i) % size;
      yield { time: this.#times[at] ?? 0, value: this.#values[at] ?? 0 };
    }
  }
}
