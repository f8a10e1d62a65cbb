import type { Clock } from "../../../clock.ts";
import { type ContainerEngine, EngineError } from "./container-engine.ts";
import type { ContainerLog } from "./container-log.ts";
import { LogFrames } from "./log-frames.ts";
import { positionAfter } from "./log-position.ts";
import { pause } from "./patience.ts";

/** Before the log is asked for again after it broke off. */
const RETRY_MS = 1_000;
/** Times of frames that are remembered, to go on after the last; see log-position.ts. */
const REMEMBERED = 4_096;

/**
 * Copies a container's output to `log` until the container is over and everything was read, or `signal` is aborted.
 * Where the Engine or this server were away it goes on after the last line that was copied.
 *
 * @param over whether the container has ended, so that a log that ends has nothing to come.
 */
export async function followLog(
  id: string,
  parts: {
    readonly engine: ContainerEngine;
    readonly log: Pick<ContainerLog, "times" | "add" | "note">;
    readonly clock: Clock;
    readonly signal: AbortSignal;
    readonly over: () => Promise<boolean>;
    readonly onLine: () => void;
  },
): Promise<void> {
  const { engine, log, clock, signal, over, onLine } = parts;
  const kept = log.times();
  const times = [...kept.times];
  let { whole } = kept;
  while (!signal.aborted) {
    const { since, skip } = positionAfter({ times, whole });
    const again = skip === 0 ? [] : times.slice(-skip);
    try {
      const frames = new LogFrames();
      for await (const chunk of engine.logs(id, seconds(since), signal)) {
        for (const frame of frames.read(chunk)) {
          const expected = again.shift();
          if (expected === frame.time) continue;
          if (expected !== undefined) {
            again.length = 0;
            log.note("lines are missing here: the Engine keeps only the last of what nobody reads");
          }
          await log.add(frame);
          times.push(frame.time);
          onLine();
        }
        if (times.length > 2 * REMEMBERED) {
          times.splice(0, times.length - REMEMBERED);
          whole = false;
        }
      }
    } catch (error) {
      if (error instanceof EngineError && error.kind === "missing") return;
    }
    if (signal.aborted || (await over())) return;
    await pause(clock, RETRY_MS, signal);
  }
}

/** Milliseconds as the Engine takes them. */
function seconds(ms: number): string {
  return `${Math.floor(ms / 1000)}.${String(ms % 1000).padStart(3, "0")}`;
}
