/** Times of the last frames that were read, in milliseconds and in the order they came. */
export interface LogTimes {
  readonly times: readonly number[];
  /** Whether these are all there were. */
  readonly whole: boolean;
}

/** Where to go on reading a container's log: from this time on, without the first `skip` frames. */
export interface LogPosition {
  /** Milliseconds since the epoch. */
  readonly since: number;
  readonly skip: number;
}

/**
 * Two streams are written at once, so times can be out of order by a little; this is much more. Engines of different
 * versions leave out what is older than `since` each by itself, or only up to the first that is not.
 */
const DISORDER_MS = 250;

/**
 * Where to go on after frames of these times, in the order they came, so that no frame is lost and none comes twice.
 *
 * The Engine can only be asked for what is not older than a time, so some come again and are counted off. The time
 * asked for is one where the order is clear: all before it are older, all after it are not.
 */
export function positionAfter({ times, whole }: LogTimes): LogPosition {
  const newest = times.reduce((a, b) => Math.max(a, b), 0);
  const highestBefore: number[] = [];
  let highest = 0;
  for (const time of times) {
    highestBefore.push(highest);
    highest = Math.max(highest, time);
  }
  let position = { since: newest, skip: 0 };
  let since = Number.POSITIVE_INFINITY;
  for (let index = times.length - 1; index >= 0; index--) {
    since = Math.min(since, times[index] ?? 0);
    if ((highestBefore[index] ?? 0) >= since) continue;
    position = { since, skip: times.length - index };
    // Older than what may still come, so nothing of that is left out.
    if (since <= newest - DISORDER_MS) return position;
  }
  return whole ? { since: 0, skip: times.length } : position;
}
