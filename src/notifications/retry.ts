/** Between the first attempt and the second; each wait is twice the one before, up to the last. */
const FIRST_DELAY_MS = 5_000;
const LONGEST_DELAY_MS = 15 * 60_000;
/** A receiver that asks for more patience than this gets another attempt all the same. */
export const LONGEST_RETRY_AFTER_MS = 6 * 3_600_000;
/** How long a message is tried, counted as the waits between attempts, so that no jump of the clock ends it. */
export const GIVE_UP_AFTER_MS = 24 * 3_600_000;

/**
 * Milliseconds to wait after failed attempt number `attempt` (from 1), null to give up: 5 s, 10 s, 20 s … 15 min, each
 * up to a quarter shorter or longer so that what failed together does not come back together.
 *
 * @param waitedMs what was waited so far. The last attempt is made when that reaches 24 h.
 * @param random from 0 up to 1.
 */
export function retryDelay(
  attempt: number,
  waitedMs: number,
  retryAfterMs: number | undefined,
  random: number,
): number | null {
  if (waitedMs >= GIVE_UP_AFTER_MS) return null;
  const steps = Math.min(attempt - 1, 20);
  const delay = Math.min(FIRST_DELAY_MS * 2 ** steps, LONGEST_DELAY_MS) * (0.75 + random / 2);
  const asked = Math.min(retryAfterMs ?? 0, LONGEST_RETRY_AFTER_MS);
  return Math.round(Math.min(Math.max(delay, asked), GIVE_UP_AFTER_MS - waitedMs));
}
