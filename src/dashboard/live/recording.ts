import { effect, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { createApi } from "../../client/index.ts";
import { type RangeName, type Recorded, rangeOf, refreshAfter } from "../state/recorded.ts";

/** About as many values as a chart has pixels on a large screen. */
const POINTS = 240;
/** Milliseconds before a range that could not be read is asked for again. */
const RETRY_MS = 5_000;

export interface Recording {
  readonly range: Signal<RangeName>;
  readonly recorded: ReadonlySignal<Recorded>;
}

/**
 * Reads the chosen range from the server, and again when it has grown, while the page is connected and seen. What is
 * shown stays while its refreshment is under way.
 */
export function followRecording(connected: ReadonlySignal<boolean>): Recording {
  const range = signal<RangeName>("live");
  const recorded = signal<Recorded>({ kind: "live" });
  const seen = signal(document.visibilityState !== "hidden");
  document.addEventListener("visibilitychange", () => {
    seen.value = document.visibilityState !== "hidden";
  });

  let shownRange: RangeName = "live";
  effect(() => {
    const name = range.value;
    if (name !== shownRange) recorded.value = name === "live" ? { kind: "live" } : { kind: "loading" };
    shownRange = name;
    if (name === "live" || !connected.value || !seen.value) return;
    const abort = new AbortController();
    void readAgainAndAgain(name, abort.signal);
    return () => abort.abort();
  });

  async function readAgainAndAgain(name: RangeName, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const pause = await readOnce(name, signal);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, pause);
        signal.addEventListener("abort", () => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  /** @returns milliseconds until the next time. */
  async function readOnce(name: RangeName, signal: AbortSignal): Promise<number> {
    try {
      const api = createApi(location.origin, { signal });
      const from = new Date(Date.now() - rangeOf(name).ms).toISOString();
      const answer = await api.resourcesHistory({ from, points: POINTS });
      if (!signal.aborted) recorded.value = { kind: "shown", answer };
      return refreshAfter(answer);
    } catch (error) {
      if (!signal.aborted && recorded.value.kind !== "shown") {
        recorded.value = { kind: "failed", reason: error instanceof Error ? error.message : String(error) };
      }
      return RETRY_MS;
    }
  }

  return { range, recorded };
}
