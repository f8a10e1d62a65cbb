import type { OpenAPIHono } from "@hono/zod-openapi";
import type { Context } from "hono";
import { createActivityRoute, exportActivitiesRoute, listActivitiesRoute } from "../contract/rest/activities.ts";
import type { Activities } from "./activities.ts";
import { EXPORT_PAGE, exportResponse } from "./export.ts";

/** @param whileOpen notes a download that is under way for the caller of `c`, and how to end it. */
export function mountActivities(
  app: OpenAPIHono,
  activities: Activities,
  whileOpen: (c: Context, end: (why: Error) => void) => Disposable,
): void {
  app.openapi(listActivitiesRoute, (c) => c.json(activities.list(c.req.valid("query")), 200));
  app.openapi(createActivityRoute, (c) => c.json(activities.create(c.req.valid("json")), 201));
  app.openapi(exportActivitiesRoute, (c) => {
    const { format, ...selection } = c.req.valid("query");
    const pages = activities.all(selection, EXPORT_PAGE);
    // What is wrong with the query shows with the first page, while an answer can still say so.
    const first = pages.next();
    return exportResponse(startingWith(first, pages), format, (end) => whileOpen(c, end));
  });
}

function* startingWith<Item>(first: IteratorResult<Item>, rest: Generator<Item>): Generator<Item> {
  if (first.done) return;
  yield first.value;
  yield* rest;
}
