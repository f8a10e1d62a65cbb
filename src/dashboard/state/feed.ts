import type { Activity } from "../../contract/index.ts";

/** Activities kept and shown; older ones are in the history the API serves. */
export const FEED_LIMIT = 200;

/**
 * Puts activities into the feed: newest first, each once, at most `FEED_LIMIT`.
 *
 * Activities never change, so what arrives live and what was asked for may be united in any order. Asking for the newest
 * `FEED_LIMIT` after every connect therefore closes whatever gap an interruption left.
 */
export function addActivities(feed: readonly Activity[], added: readonly Activity[]): readonly Activity[] {
  const known = new Set(feed.map((activity) => activity.id));
  const fresh = added.filter((activity) => !known.has(activity.id) && known.add(activity.id));
  if (fresh.length === 0) return feed;
  return [...fresh, ...feed].sort((a, b) => numberOf(b) - numberOf(a)).slice(0, FEED_LIMIT);
}

/** Ids are handed out in commit order: `act-456` → 456. */
function numberOf(activity: Activity): number {
  return Number(activity.id.slice(activity.id.lastIndexOf("-") + 1));
}
