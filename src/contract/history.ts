import { z } from "@hono/zod-openapi";
import { timestamp } from "./primitives.ts";

/** Where a chart comes from: single samples, or buckets of this length. */
export const historyTier = z.enum(["raw", "10s", "1m", "10m", "1h"]);

const column = z.array(z.number().nullable());

export const historySeries = z.object({
  metric: z.string().openapi({ example: "cpu" }),
  /**
   * `percent`, `bytes_per_second`, `celsius`, `watts`, `milliseconds`, `ratio` (0 to 1), `requests`, `tokens_per_second`;
   * null where it is not known.
   */
  unit: z.string().nullable(),
  /** One value for each of `times`; null where nothing was measured. */
  avg: column,
  min: column,
  max: column,
  /** Samples behind each value; 0 in a gap. */
  count: z.array(z.number().int().nonnegative()),
});

/** Figures over time, ready to be drawn: each series has one value for each of `times`. */
export const historyAnswer = z
  .object({
    from: timestamp,
    to: timestamp,
    tier: historyTier,
    /** Seconds between two of `times`. */
    step_seconds: z.number().positive(),
    /** Milliseconds since the epoch, ascending, evenly spaced: where the step begins that a value stands for. */
    times: z.array(z.number().int()),
    series: z.array(historySeries),
  })
  .openapi("History");
export type HistoryAnswer = z.infer<typeof historyAnswer>;
