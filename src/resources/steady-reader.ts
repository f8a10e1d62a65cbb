import type { Logger } from "@logtape/logtape";
import type { Clock } from "../clock.ts";
import type { Collector } from "./collector.ts";

/**
 * Keeps one collector from disturbing the others: an error, or no answer in time, becomes `unknown`. A collector that
 * hangs (a network share that is gone, a driver that resets) is not asked again before it has answered, so that at most
 * one of its calls is ever waiting. Each change between working and not is logged once.
 */
export class SteadyReader<Reading> implements Disposable {
  readonly #collector: Collector<Reading>;
  readonly #unknown: Reading;
  readonly #deadlineMs: number;
  readonly #clock: Clock;
  readonly #log: Logger;
  #hanging = false;
  #failure: string | null = null;

  constructor(parts: {
    collector: Collector<Reading>;
    /** What is reported where nothing could be read. */
    unknown: Reading;
    /** Milliseconds an answer may take. */
    deadlineMs: number;
    clock: Clock;
    log: Logger;
  }) {
    this.#collector = parts.collector;
    this.#unknown = parts.unknown;
    this.#deadlineMs = parts.deadlineMs;
    this.#clock = parts.clock;
    this.#log = parts.log;
  }

  /** Why the last reading failed; null when it did not. */
  get failure(): string | null {
    return this.#failure;
  }

  /** Never rejects. Not to be called again before it has resolved. */
  async read(): Promise<Reading> {
    const { name } = this.#collector;
    try {
      const reading = await this.#ask();
      if (this.#failure !== null) this.#log.info("Reading {name} works again", { name });
      this.#failure = null;
      return reading;
    } catch (error) {
      if (this.#failure === null) this.#log.warning("Cannot read {name}: {error}", { name, error });
      this.#failure = error instanceof Error ? error.message : String(error);
      return this.#unknown;
    }
  }

  [Symbol.dispose](): void {
    this.#collector[Symbol.dispose]?.();
  }

  #ask(): Reading | Promise<Reading> {
    if (this.#hanging) throw new Error("an earlier reading still hangs");
    const reading = this.#collector.read();
    return reading instanceof Promise ? this.#inTime(reading) : reading;
  }

  async #inTime(reading: Promise<Reading>): Promise<Reading> {
    const late = Promise.withResolvers<never>();
    const timer = this.#clock.after(this.#deadlineMs, () => {
      this.#hanging = true;
      late.reject(new Error(`no answer within ${this.#deadlineMs} ms`));
    });
    const answered = () => {
      timer[Symbol.dispose]();
      this.#hanging = false;
    };
    reading.then(answered, answered);
    return Promise.race([reading, late.promise]);
  }
}
