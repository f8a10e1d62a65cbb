/** One minute of what is free. */
interface Point {
  /** Minutes of counted time. */
  readonly at: number;
  readonly freeBytes: number;
}

/** Points are a minute apart, and an hour of them is looked at. */
const POINT_MS = 60_000;
const MOST_POINTS = 60;
/** Half an hour: less says nothing about a day. */
const LEAST_POINTS = 30;
/** A longer time without readings, and nothing is known of what happened meanwhile. */
const MAX_GAP_MS = 5 * POINT_MS;
/** So much of the whole file system coming free at once is a deletion, after which what was before says nothing. */
const DELETION = 0.01;
/** Hours that stand for "it is not filling": far more than any rule asks about. */
export const NOT_FILLING_HOURS = 1_000;

/**
 * How long the disk has room left if it goes on filling as it did lately.
 *
 * The rate is the median of the slopes between points that are at least half the time apart (after Theil and Sen, which
 * a quarter of the points being wild does not move), and counts only when each third of the time has had its part in
 * it. So one large file, files that come and go, and a log that is rotated are no trend. A deletion begins anew.
 */
export class DiskForecast {
  #points: Point[] = [];
  #next = 0;
  #readAt: number | null = null;
  /** Least of the present minute: a file that comes and goes within it is no room. */
  #least = Number.POSITIVE_INFINITY;
  #hours: number | undefined;

  /**
   * Takes one reading.
   *
   * @param now monotonic milliseconds.
   * @returns hours, at most `NOT_FILLING_HOURS`; undefined while it is not known yet.
   */
  observe(freeBytes: number, totalBytes: number, now: number): number | undefined {
    if (this.#readAt !== null && now - this.#readAt > MAX_GAP_MS) this.#restart(undefined);
    if (this.#readAt === null) this.#next = now + POINT_MS;
    this.#readAt = now;
    const last = this.#points.at(-1)?.freeBytes ?? this.#least;
    if (freeBytes - Math.min(last, this.#least) > totalBytes * DELETION && Number.isFinite(last)) {
      this.#restart(NOT_FILLING_HOURS);
      this.#readAt = now;
      this.#next = now + POINT_MS;
    }
    this.#least = Math.min(this.#least, freeBytes);
    if (now >= this.#next) this.#point(now);
    return this.#hours;
  }

  #restart(hours: number | undefined): void {
    this.#points = [];
    this.#least = Number.POSITIVE_INFINITY;
    this.#readAt = null;
    this.#hours = hours;
  }

  #point(now: number): void {
    this.#points.push({ at: now / POINT_MS, freeBytes: this.#least });
    if (this.#points.length > MOST_POINTS) this.#points.shift();
    this.#least = Number.POSITIVE_INFINITY;
    this.#next = now + POINT_MS;
    if (this.#points.length >= LEAST_POINTS) this.#hours = hoursLeft(this.#points);
  }
}

function hoursLeft(points: readonly Point[]): number {
  const first = points[0];
  const last = points.at(-1);
  if (!first || !last) return NOT_FILLING_HOURS;
  const apart = (last.at - first.at) / 2;
  const rates: number[] = [];
  points.forEach((to, i) => {
    for (const from of points.slice(0, i)) {
      if (to.at - from.at >= apart) rates.push((from.freeBytes - to.freeBytes) / (to.at - from.at));
    }
  });
  rates.sort((a, b) => a - b);
  const rate = rates[Math.floor(rates.length / 2)] ?? 0;
  if (rate <= 0 || !isSteady(points, rate)) return NOT_FILLING_HOURS;
  return Math.min(NOT_FILLING_HOURS, last.freeBytes / rate / 60);
}

/** Whether each third of the time saw at least a quarter of what it would have at `rate`, in bytes a minute. */
function isSteady(points: readonly Point[], rate: number): boolean {
  const third = (points.length - 1) / 3;
  return [0, 1, 2].every((i) => {
    const from = points[Math.round(i * third)];
    const to = points[Math.round((i + 1) * third)];
    return from !== undefined && to !== undefined && from.freeBytes - to.freeBytes >= (rate * (to.at - from.at)) / 4;
  });
}
