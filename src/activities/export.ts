import { stringify } from "csv-stringify/sync";
import type { Activity } from "../contract/index.ts";

/** Entries read and sent at once; the next are read when the reader has taken these. */
export const EXPORT_PAGE = 500;

/** Columns of the CSV, in order. */
const COLUMNS = [
  "id",
  "created_at",
  "severity",
  "activity_type",
  "resource_type",
  "resource_id",
  "message",
  "extra_data",
] as const satisfies (keyof Activity)[];

const formats = {
  ndjson: {
    type: "application/x-ndjson",
    head: "",
    body: (page: readonly Activity[]) => page.map((activity) => `${JSON.stringify(activity)}\n`).join(""),
  },
  csv: {
    type: "text/csv; charset=utf-8",
    head: csv([COLUMNS]),
    body: (page: readonly Activity[]) =>
      csv(
        page.map((activity) =>
          COLUMNS.map((name) => (name === "extra_data" ? JSON.stringify(activity[name]) : activity[name])),
        ),
      ),
  },
} as const;

export type ExportFormat = keyof typeof formats;

/** RFC 4180. What a spreadsheet would run as a formula gets an apostrophe in front, which it then shows as text. */
function csv(records: (readonly (string | null)[])[]): string {
  return stringify(
    records.map((record) => [...record]),
    { escape_formulas: true, record_delimiter: "\r\n", quoted_match: /[\r\n]/ },
  );
}

/**
 * `pages` as a download; at any time it holds one page, however many there are.
 *
 * @param whileOpen is told how to end the download, for when its caller may not have it any more; disposed at its end.
 */
export function exportResponse(
  pages: Iterator<Activity[]>,
  format: ExportFormat,
  whileOpen: (end: (why: Error) => void) => Disposable,
): Response {
  const { type, head, body } = formats[format];
  const encoder = new TextEncoder();
  let open: Disposable | undefined;
  const stream = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        open = whileOpen((why) => controller.error(why));
        if (head !== "") controller.enqueue(encoder.encode(head));
      },
      pull(controller) {
        let page: IteratorResult<Activity[]>;
        try {
          page = pages.next();
        } catch (error) {
          // An answer that has begun can only break off; who reads it sees that it did.
          open?.[Symbol.dispose]();
          throw error;
        }
        if (!page.done) {
          controller.enqueue(encoder.encode(body(page.value)));
          return;
        }
        open?.[Symbol.dispose]();
        controller.close();
      },
      cancel() {
        open?.[Symbol.dispose]();
      },
    },
    { highWaterMark: 1 },
  );
  return new Response(stream, {
    headers: {
      "content-type": type,
      "content-disposition": `attachment; filename="activities.${format}"`,
      "cache-control": "no-store",
    },
  });
}
