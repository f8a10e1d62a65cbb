import type { HistoryAnswer } from "../../contract/index.ts";
import type { SampleValue } from "./history.ts";

/** What the charts can go back to: the last five minutes as they come, or what the server has recorded. */
export const ranges = [
  { name: "live", label: "Live", spoken: "the last five minutes", ms: 0 },
  { name: "1h", label: "1 h", spoken: "the last hour", ms: 3_600_000 },
  { name: "6h", label: "6 h", spoken: "the last 6 hours", ms: 6 * 3_600_000 },
  { name: "24h", label: "24 h", spoken: "the last 24 hours", ms: 24 * 3_600_000 },
  { name: "7d", label: "7 d", spoken: "the last 7 days", ms: 7 * 86_400_000 },
  { name: "30d", label: "30 d", spoken: "the last 30 days", ms: 30 * 86_400_000 },
] as const;

export type Range = (typeof ranges)[number];
export type RangeName = Range["name"];

export function rangeOf(name: RangeName): Range {
  return ranges.find((range) => range.name === name) ?? ranges[0];
}

/** What is known of the chosen range. `live` needs nothing from the store. */
export type Recorded =
  | { readonly kind: "live" }
  | { readonly kind: "loading" }
  | { readonly kind: "failed"; readonly reason: string }
  | { readonly kind: "shown"; readonly answer: HistoryAnswer };

/** One line of a chart over a recorded range, and between what it moved. */
export interface RecordedLine {
  readonly avg: readonly SampleValue[];
  readonly min: readonly SampleValue[];
  readonly max: readonly SampleValue[];
}

/** A metric's line, all gaps where the answer does not have it: it was never measured. */
export function lineOf(answer: HistoryAnswer, metric: string): RecordedLine {
  const found = answer.series.find((series) => series.metric === metric);
  if (found) return found;
  const nothing = answer.times.map(() => null);
  return { avg: nothing, min: nothing, max: nothing };
}

/** Points that have a gap on both sides, which no line would show. */
export function lonely(values: readonly (number | null | undefined)[]): number[] {
  const there = (i: number) => values[i] !== null && values[i] !== undefined;
  return values.flatMap((_, i) => (there(i) && !there(i - 1) && !there(i + 1) ? [i] : []));
}

/** Milliseconds until a recorded range is worth reading again: when its newest value is another one. */
export function refreshAfter(answer: HistoryAnswer): number {
  return Math.min(300_000, Math.max(10_000, answer.step_seconds * 1_000));
}
