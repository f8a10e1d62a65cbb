import type { Clock } from "../../../clock.ts";
import type { ContainerEngine } from "./container-engine.ts";
import { pause } from "./patience.ts";

/** Told a container and what happened to it; without them when it may be any, and anything. */
export type Look = (id?: string, what?: string) => void;

/** Between two tries to listen. */
const RETRY_MS = 1_000;

/**
 * One connection over which the Engine tells of all our containers, open as long as somebody listens. An event only says
 * that it is worth looking; when the connection is made or lost everybody is told to look, so nothing is missed.
 */
export class EngineEvents {
  readonly #engine: ContainerEngine;
  readonly #labels: () => Readonly<Record<string, string>>;
  readonly #clock: Clock;
  readonly #listeners = new Set<Look>();
  #listening: AbortController | undefined;

  /** @param labels what all our containers have. */
  constructor(engine: ContainerEngine, labels: () => Readonly<Record<string, string>>, clock: Clock) {
    this.#engine = engine;
    this.#labels = labels;
    this.#clock = clock;
  }

  on(look: Look): Disposable {
    this.#listeners.add(look);
    if (!this.#listening) {
      this.#listening = new AbortController();
      void this.#listen(this.#listening.signal);
    }
    return {
      [Symbol.dispose]: () => {
        this.#listeners.delete(look);
        if (this.#listeners.size > 0) return;
        this.#listening?.abort();
        this.#listening = undefined;
      },
    };
  }

  async #listen(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        const { ended } = await this.#engine.events(this.#labels(), (id, what) => this.#tell(id, what), signal);
        this.#tell();
        await ended;
      } catch {
        // It cannot be reached; who has to know asks it as well, and is told why.
      }
      if (signal.aborted) return;
      this.#tell();
      await pause(this.#clock, RETRY_MS, signal);
    }
  }

  #tell(id?: string, what?: string): void {
    for (const look of [...this.#listeners]) look(id, what);
  }
}
