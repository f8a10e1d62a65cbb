import { z } from "@hono/zod-openapi";
import { activity, activityType, createActivity } from "../activities.ts";
import { activityId, severity } from "../primitives.ts";
import { body, json, limit, page, problems } from "./responses.ts";
import { createRoute } from "./route.ts";

const tags = ["activities"];
const moment = z.iso.datetime({ offset: true, error: "must be an ISO 8601 time with Z or an offset" });

export const activityPage = page(activity)
  .extend({
    /** The oldest entry that is kept, where entries that were deleted before it may have belonged into the answer. */
    gone_before: activityId.nullable(),
  })
  .openapi("ActivityPage");

/** What narrows a list or an export down; every field that is given has to match. */
const selection = {
  /** Words that are all in the message or the resource's id, `"phrases"`, and `begin*`. */
  q: z.string().trim().min(1, "must not be empty").max(200, "must be at most 200 characters").optional(),
  activity_type: activityType.optional(),
  severity: severity.optional(),
  resource_type: z.string().min(1).max(64).optional(),
  resource_id: z.string().min(1).max(256).optional(),
  since: moment.optional(),
  until: moment.optional(),
};

/** Newest first; with `after`, oldest first from that id on. `next` continues in the same direction. */
export const listActivitiesRoute = createRoute({
  method: "get",
  path: "/api/v1/activities",
  "x-scope": "read:activities",
  tags,
  summary: "List activities, newest first, or from `after` on in the order they happened",
  request: {
    query: z
      .strictObject({
        after: activityId.optional(),
        before: activityId.optional(),
        ...selection,
        limit,
      })
      .refine((query) => !(query.after && query.before), { error: "use after or before, not both", path: ["before"] }),
  },
  responses: { 200: json(activityPage, "A page of activities"), ...problems },
});

export const createActivityRoute = createRoute({
  method: "post",
  path: "/api/v1/activities",
  "x-scope": "write:activities",
  tags,
  summary: "Write an entry into the history",
  request: { body: body(createActivity) },
  responses: { 201: json(activity, "The new activity"), ...problems },
});

export const exportActivitiesRoute = createRoute({
  method: "get",
  path: "/api/v1/activities/export",
  "x-scope": "read:activities",
  tags,
  summary: "Download activities, oldest first, however many there are",
  request: { query: z.strictObject({ format: z.enum(["ndjson", "csv"]).default("ndjson"), ...selection }) },
  responses: {
    200: {
      description: "One JSON object a line, or a table with a line of headings",
      content: { "application/x-ndjson": { schema: z.string() }, "text/csv": { schema: z.string() } },
    },
    ...problems,
  },
});
