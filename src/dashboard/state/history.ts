/** Milliseconds that the charts show. */
export const HISTORY_WINDOW_MS = 5 * 60_000;

/** Two samples further apart than this have lost one between them: the stream ticks every 2 s. */
const GAP_MS = 5_000;

/** Samples kept; more than 300 s ÷ 2 s, and a bound for a server that sends faster than it should. */
const MAX_SAMPLES = 400;

export type SampleValue = number | null;

/**
 * The last five minutes, in columns as uPlot wants them. A null is a value that was not reported, and a row of nulls
 * stands where samples are missing, so that no line is drawn across.
 */
export interface History {
  /** Milliseconds since the epoch, ascending, on the server's clock. */
  readonly times: readonly number[];
  /** Every column is as long as `times`. */
  readonly columns: Readonly<Record<string, readonly SampleValue[]>>;
}

export const emptyHistory: History = { times: [], columns: {} };

/**
 * Adds a sample and forgets what is older than the window. A sample with the time of the last one is the same sample
 * sent again (the snapshot of a new subscription) and changes nothing. One from before the last means that the
 * server's clock was set back: what is kept would be in the future, so the history begins anew.
 */
export function addSample(history: History, time: number, values: Readonly<Record<string, SampleValue>>): History {
  const last = history.times.at(-1);
  if (last === time) return history;
  if (last !== undefined && last > time) return addSample(emptyHistory, time, values);

  const marks = last !== undefined && time - last > GAP_MS ? [(last + time) / 2, time] : [time];
  const grown = [...history.times, ...marks];
  const from = Math.max(
    grown.findIndex((moment) => moment >= time - HISTORY_WINDOW_MS),
    grown.length - MAX_SAMPLES,
  );
  const names = new Set([...Object.keys(history.columns), ...Object.keys(values)]);
  const columns: Record<string, SampleValue[]> = {};
  for (const name of names) {
    const before = history.columns[name] ?? history.times.map(() => null);
    const added = marks.map((moment) => (moment === time ? (values[name] ?? null) : null));
    const column = [...before, ...added].slice(from);
    // A device that went away is forgotten with its last value.
    if (column.some((value) => value !== null) || name in values) columns[name] = column;
  }
  return { times: grown.slice(from), columns };
}

/** Least and greatest known value, or undefined when there is none. */
export function extent(
  column: readonly SampleValue[],
): { readonly least: number; readonly greatest: number } | undefined {
  const known = column.filter((value) => value !== null);
  return known.length === 0 ? undefined : { least: Math.min(...known), greatest: Math.max(...known) };
}
