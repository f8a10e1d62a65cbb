/** One value of a metric, told apart from the others by its labels. */
export interface Reading {
  readonly labels?: Readonly<Record<string, string>>;
  /** What is null or undefined now is not shown. */
  readonly value: number | null | undefined;
}

/**
 * A metric that some room knows. Names follow Prometheus: base units in the name (`_seconds`, `_bytes`, `_ratio`),
 * `_total` for what only grows. Labels take few values that callers cannot make up.
 */
export interface MetricSource {
  readonly name: string;
  readonly help: string;
  /** A gauge unless told otherwise. */
  readonly type?: "gauge" | "counter";
  readonly labels?: readonly string[];
  /** Its values now, asked for at each scrape and at no other time. */
  readonly read: () => number | null | undefined | readonly Reading[] | Promise<readonly Reading[]>;
}
