/** Every sample of one name, over all its labels: replicas and ranks of an engine each have their own. */
export interface Series {
  readonly sum: number;
  readonly max: number;
}

/** `name{labels} value timestamp?`; labels may hold anything in quotes, a brace as well. */
const SAMPLE = /^([A-Za-z_:][A-Za-z0-9_:]*)(?:\{(?:[^"}]|"(?:[^"\\]|\\.)*")*\})?[ \t]+(\S+)/;

/**
 * The samples of the Prometheus text format whose name begins with one of `prefixes`.
 *
 * A page of vLLM's has some 1,500 lines of histogram buckets and 10 that are wanted, every 5 s for each deployment; a
 * parser of everything costs many times as much. Buckets are left out, and lines that are no samples, as are values that
 * are not numbers from 0 on.
 */
export function samplesOf(text: string, prefixes: readonly string[]): ReadonlyMap<string, Series> {
  const series = new Map<string, Series>();
  for (let start = 0; start < text.length; ) {
    const newline = text.indexOf("\n", start);
    const end = newline < 0 ? text.length : newline;
    if (prefixes.some((prefix) => text.startsWith(prefix, start))) add(series, text.slice(start, end));
    start = end + 1;
  }
  return series;
}

function add(series: Map<string, Series>, line: string): void {
  const [, name = "", shown = ""] = SAMPLE.exec(line) ?? [];
  const value = shown === "" ? Number.NaN : Number(shown);
  if (name === "" || name.endsWith("_bucket") || !Number.isFinite(value) || value < 0) return;
  const before = series.get(name);
  series.set(name, { sum: (before?.sum ?? 0) + value, max: Math.max(before?.max ?? value, value) });
}
