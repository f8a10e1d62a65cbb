import type { OpenAPIHono } from "@hono/zod-openapi";
import type { Clock } from "../clock.ts";
import { ProblemError } from "../contract/index.ts";
import { deploymentHistoryRoute, resourcesHistoryRoute } from "../contract/rest/history.ts";
import type { History, HistoryQuery } from "./history.ts";
import { RESOURCES } from "./recorder.ts";

const HOUR_MS = 3_600_000;

export function mountHistory(app: OpenAPIHono, history: History, clock: Clock): void {
  app.openapi(resourcesHistoryRoute, (c) => {
    return c.json(history.query(RESOURCES, spanOf(c.req.valid("query"), clock)), 200);
  });
  app.openapi(deploymentHistoryRoute, (c) => {
    return c.json(history.query(c.req.valid("param").deployment_id, spanOf(c.req.valid("query"), clock)), 200);
  });
}

interface Asked {
  readonly metric: readonly string[];
  readonly from?: number | undefined;
  readonly to?: number | undefined;
  readonly points: number;
}

function spanOf({ metric, points, ...asked }: Asked, clock: Clock): HistoryQuery {
  const to = asked.to ?? clock.now();
  const from = asked.from ?? to - HOUR_MS;
  if (from < to) return { metrics: metric, from, to, points };
  throw new ProblemError("validation_failed", "In the query: from must be before to, which is now.", [
    { field: "from", message: "must be before to, which is now" },
  ]);
}
