import { type Clock, every } from "../clock.ts";
import type { MetricSource } from "./metric-source.ts";

/** Two wakes a second cost less than 0.02 % of a core; a stall shorter than this may go unseen. */
const INTERVAL_MS = 500;
/** Who has not asked for this long does not watch. */
const FORGET_MS = 10 * 60_000;

/** The longest that something had to wait for its turn since it was last asked; measured only while somebody asks. */
export function eventLoopLag(clock: Clock): MetricSource {
  let timer: Disposable | undefined;
  let forget: Disposable | undefined;
  let due = 0;
  let worst = 0;
  const look = () => {
    const now = clock.monotonic();
    worst = Math.max(worst, now - due);
    // On the grid of the timer; what it left out was late, too, and was counted.
    while (due <= now) due += INTERVAL_MS;
  };
  const stop = () => {
    timer?.[Symbol.dispose]();
    timer = undefined;
  };
  return {
    name: "llm_manager_event_loop_lag_seconds",
    help: "Longest wait for a turn of the event loop since the scrape before; nothing on the first scrape",
    read() {
      forget?.[Symbol.dispose]();
      forget = clock.after(FORGET_MS, stop);
      if (timer) {
        const lag = worst;
        worst = 0;
        return lag / 1000;
      }
      worst = 0;
      due = clock.monotonic() + INTERVAL_MS;
      timer = every(clock, INTERVAL_MS, look, () => {});
      return null;
    },
  };
}
