import { z } from "@hono/zod-openapi";
import { historyAnswer } from "../history.ts";
import { deploymentId } from "../primitives.ts";
import { json, problems } from "./responses.ts";
import { createRoute } from "./route.ts";

/** Names in one call at most. */
const MAX_METRICS = 64;

const moment = z.iso
  .datetime({ offset: true, error: "must be an ISO 8601 time with Z or an offset" })
  .transform((text) => Date.parse(text));

const points = z.coerce
  .number({ error: "must be a number from 2 to 2000" })
  .int("must be a whole number")
  .min(2, "must be at least 2")
  .max(2000, "must be at most 2000")
  .default(300);

/** One name or several: repeated, or with commas between them. */
function metrics(name: RegExp, allowed: string) {
  return z
    .union([z.string(), z.array(z.string())])
    .optional()
    .transform((given) => [given ?? []].flat().flatMap((text) => text.split(",")))
    .pipe(
      z.array(z.string().regex(name, `must be ${allowed}`)).max(MAX_METRICS, `must be at most ${MAX_METRICS} names`),
    )
    .openapi({ type: "string", example: "cpu,memory" });
}

function query(metric: ReturnType<typeof metrics>) {
  return z
    .strictObject({
      /** What to answer with; everything where it is left out. A name also stands for all that begin with it and a dot. */
      metric,
      /** An hour before `to` where it is left out. */
      from: moment.optional(),
      /** Now where it is left out. */
      to: moment.optional(),
      /** About how many values to answer with; never more than two above it. */
      points,
    })
    .refine(({ from, to }) => from === undefined || to === undefined || from < to, {
      error: "must be before to",
      path: ["from"],
    });
}

const resourceMetric =
  /^(?:cpu|memory|disk|network(?:\.(?:recv|sent))?|gpu(?:\.[\w-]{1,128}(?:\.(?:usage|memory|temperature|power))?)?)$/;

export const resourcesHistoryRoute = createRoute({
  method: "get",
  path: "/api/v1/resources/history",
  "x-scope": "read:resources",
  tags: ["history"],
  summary: "The machine's resources over time",
  request: {
    query: query(
      metrics(resourceMetric, "cpu, memory, disk, network.recv, network.sent, gpu or a GPU's, e.g. gpu.0.usage"),
    ),
  },
  responses: { 200: json(historyAnswer, "Chart-ready series; gaps are null"), ...problems },
});

export const deploymentHistoryRoute = createRoute({
  method: "get",
  path: "/api/v1/deployments/{deployment_id}/history",
  "x-scope": "read:deployments",
  tags: ["history"],
  summary: "A deployment's health over time; also of one that is gone, while there is any",
  request: {
    params: z.strictObject({ deployment_id: deploymentId }),
    query: query(metrics(/^[a-z][a-z0-9_]{0,63}(?:\.[a-z0-9_]{1,64})*$/, "a name such as up, healthy or latency")),
  },
  responses: { 200: json(historyAnswer, "Chart-ready series; gaps are null"), ...problems },
});
