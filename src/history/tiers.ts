const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Milliseconds that every single sample is kept, in memory. */
export const RAW_KEEP_MS = 15 * MINUTE;

/** A stored tier: how much time one of its buckets covers, and how long buckets are kept. Both in milliseconds. */
export interface Tier {
  readonly name: "10s" | "1m" | "10m" | "1h";
  readonly table: string;
  readonly stepMs: number;
  readonly keepMs: number;
}

/** The stored tiers, finest first. */
export const tiers = [
  { name: "10s", table: "history_10s", stepMs: 10 * SECOND, keepMs: 6 * HOUR },
  { name: "1m", table: "history_1m", stepMs: MINUTE, keepMs: 48 * HOUR },
  { name: "10m", table: "history_10m", stepMs: 10 * MINUTE, keepMs: 30 * DAY },
  { name: "1h", table: "history_1h", stepMs: HOUR, keepMs: 730 * DAY },
] as const satisfies readonly Tier[];

/** Where a chart is read from, and how much time one of its points covers. */
export interface Choice {
  /** Undefined for the samples in memory. */
  readonly tier: Tier | undefined;
  readonly stepMs: number;
}

/** What is asked for: milliseconds since the epoch, and about how many points to draw. */
export interface Span {
  readonly from: number;
  readonly to: number;
  readonly points: number;
}

/**
 * The coarsest source that still has a value for each point, of those that reach back to `from`; where even the finest
 * of these is coarser than was asked for, that one. Nothing reaches back further than the last tier, which then gives
 * what it has.
 *
 * @param rawSince since when there are samples in memory, and how far apart they are.
 */
export function chooseTier(
  span: Span,
  now: number,
  raw: { readonly since: number; readonly cadenceMs: number },
): Choice {
  const wanted = (span.to - span.from) / span.points;
  const reaching = tiers.filter((tier) => now - tier.keepMs <= span.from);
  const rawReaches = Math.max(raw.since, now - RAW_KEEP_MS) <= span.from;
  const fitting = reaching.findLast((tier) => tier.stepMs <= wanted);
  if (fitting) return { tier: fitting, stepMs: multiple(fitting.stepMs, wanted) };
  if (rawReaches) return { tier: undefined, stepMs: multiple(raw.cadenceMs, wanted) };
  const tier = reaching[0] ?? tiers[3];
  return { tier, stepMs: multiple(tier.stepMs, wanted) };
}

/** The least whole multiple of `stepMs` that is not less than `wanted`. */
function multiple(stepMs: number, wanted: number): number {
  return stepMs * Math.max(1, Math.ceil(wanted / stepMs));
}
