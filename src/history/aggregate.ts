/** What a bucket keeps of the values in it. `count` is at least 1. */
export interface Aggregate {
  avg: number;
  min: number;
  max: number;
  count: number;
}

export function aggregateOf(value: number): Aggregate {
  return { avg: value, min: value, max: value, count: 1 };
}

/** Takes `more` into `into`. In which order values come together makes no difference but for rounding. */
export function merge(into: Aggregate, more: Readonly<Aggregate>): void {
  const count = into.count + more.count;
  into.avg += (more.avg - into.avg) * (more.count / count);
  into.min = Math.min(into.min, more.min);
  into.max = Math.max(into.max, more.max);
  into.count = count;
}

/** Merges `value` into the bucket `key`, making it where there is none. */
export function mergeAt(buckets: Map<number, Aggregate>, key: number, value: Readonly<Aggregate>): void {
  const bucket = buckets.get(key);
  if (bucket) merge(bucket, value);
  else buckets.set(key, { ...value });
}
