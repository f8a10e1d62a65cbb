import type uPlot from "uplot";
import { HISTORY_WINDOW_MS, type History, type SampleValue } from "../state/history.ts";
import { lineOf, type Range, type Recorded } from "../state/recorded.ts";

export interface ChartLine {
  /** Its column in the live history. */
  readonly column: string;
  /** Its name in the recorded history; the same unless told otherwise. */
  readonly metric?: string;
  readonly name: string;
}

/** What a chart draws now: times in milliseconds, and for each line a value at each. */
export interface Drawn {
  readonly times: readonly number[];
  readonly lines: readonly (readonly SampleValue[])[];
  /** Between what the first line moved, where a value stands for more than one sample. */
  readonly band: { readonly min: readonly SampleValue[]; readonly max: readonly SampleValue[] } | undefined;
  /** What the chart's width stands for, in milliseconds since the epoch; undefined while nothing is known. */
  readonly span: { readonly from: number; readonly to: number } | undefined;
}

export function drawnNow(history: History, recorded: Recorded, range: Range, lines: readonly ChartLine[]): Drawn {
  if (range.name === "live") {
    const absent = history.times.map(() => null);
    const to = history.times.at(-1);
    return {
      times: history.times,
      lines: lines.map((line) => history.columns[line.column] ?? absent),
      band: undefined,
      span: to === undefined ? undefined : { from: to - HISTORY_WINDOW_MS, to },
    };
  }
  if (recorded.kind !== "shown") return { times: [], lines: lines.map(() => []), band: undefined, span: undefined };
  const { answer } = recorded;
  const [first, ...others] = lines.map((line) => lineOf(answer, line.metric ?? line.column));
  return {
    times: answer.times,
    lines: [first, ...others].flatMap((line) => (line ? [line.avg] : [])),
    band: first,
    span: { from: Date.parse(answer.from), to: Date.parse(answer.to) },
  };
}

/** As uPlot takes it: the lines, then greatest and least of the first where there is a band. */
export function alignedData({ times, lines, band }: Drawn): uPlot.AlignedData {
  const columns = [...lines, ...(band ? [band.max, band.min] : [])];
  return [times.map((time) => time / 1000), ...columns.map((column) => [...column])];
}
