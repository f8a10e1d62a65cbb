import { type Clock, every, isoTime } from "../clock.ts";
import type { ModelStatus, StateStreamName } from "../contract/index.ts";
import { streams } from "../contract/index.ts";
import type { Resources } from "../resources/sampler.ts";

/** One sample of a state stream. */
export interface StateFrame {
  readonly timestamp: string;
  readonly data: unknown;
}

/** A state that is pushed at its own cadence while somebody is subscribed. */
export interface StateStream {
  /** The last frame while it is current, or null when none is. */
  latest(): StateFrame | null;
  sample(): Promise<StateFrame>;
  /** Calls `push` with every frame until disposed. */
  start(push: (frame: StateFrame) => void): Disposable;
}

export type StateStreams = Readonly<Record<StateStreamName, StateStream>>;

export function stateStreams(parts: {
  resources: Resources;
  modelStatus: () => ModelStatus;
  clock: Clock;
  onError: (error: unknown) => void;
}): StateStreams {
  return {
    // The sampler owns the 2 s clock, since alerts and history read the same samples.
    system_resources: {
      latest: () => parts.resources.latest(),
      sample: () => parts.resources.sample(),
      start: (push) => parts.resources.watch(push),
    },
    model_status: modelStatusStream(parts),
  };
}

function modelStatusStream(parts: {
  modelStatus: () => ModelStatus;
  clock: Clock;
  onError: (error: unknown) => void;
}): StateStream {
  let cached: StateFrame | null = null;
  const take = () => ({ timestamp: isoTime(parts.clock.now()), data: parts.modelStatus() });
  return {
    latest: () => cached,
    sample: async () => take(),
    start(push) {
      const tick = () => {
        cached = take();
        push(cached);
      };
      const timer = every(parts.clock, streams.model_status.intervalMs, tick, parts.onError);
      return {
        [Symbol.dispose]() {
          timer[Symbol.dispose]();
          // Nobody watches from here on, so the frame would grow old unseen.
          cached = null;
        },
      };
    },
  };
}
