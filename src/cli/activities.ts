import { type Command, Option } from "@commander-js/extra-typings";
import type { Activity } from "../contract/activities.ts";
import { type Context, clientCommand, groupCommand, openSession } from "./context.ts";
import { UsageError } from "./failure.ts";
import { ago, severityFormat } from "./format.ts";
import { given, jsonObject, number } from "./options.ts";
import { notePage, show } from "./show.ts";
import { type Column, table } from "./table.ts";
import { NOTHING } from "./text.ts";
import { activityTypes, severities } from "./words.ts";

/** `activities list|add`. */
export function addActivitiesCommands(program: Command, context: Context): void {
  const activities = groupCommand(program, "activities", "the history of what happened");

  clientCommand(activities, "list", "list activities, newest first, or from --after on in order")
    .option("-f, --follow", "print the last ones in order, then new ones as they happen")
    .addOption(new Option("--type <type>", "only of this type").choices(activityTypes))
    .addOption(new Option("--severity <severity>", "only of this severity").choices(severities))
    .option("--resource-type <word>", "only about this kind of thing, e.g. deployment")
    .option("--resource-id <id>", "only about this thing, e.g. dep-123")
    .option("--since <time>", "only from this ISO 8601 time on")
    .option("--until <time>", "only up to this ISO 8601 time")
    .option("--search <words>", 'only with these words, "phrases" or begin*')
    .option("--limit <count>", "at most this many (50; 10 with --follow)", number)
    .option("--before <activity-id>", "only those before this one")
    .option("--after <activity-id>", "only those after this one")
    .action(async (options) => {
      const { follow, type, severity, resourceType, resourceId, since, until, limit, before, after, search } = options;
      const filter = { activity_type: type, severity, resource_type: resourceType, resource_id: resourceId };
      const session = openSession(options, context);
      if (follow) {
        if (before !== undefined || until !== undefined || search !== undefined)
          throw new UsageError("--follow goes on for ever; it takes no --before, --until or --search");
        const { followActivities } = await import("./follow.ts");
        await followActivities(session, { filter, since, after, limit });
        return;
      }
      const page = await session.api.activities.list({ ...filter, q: search, since, until, limit, before, after });
      show(session, page, () =>
        page.items.length === 0
          ? [
              search !== undefined
                ? "No activity has these words."
                : "No activities. They appear when models and deployments change, or with: llm-manager activities add <message>",
            ]
          : table(page.items, columns, session.output.columns(), session.output.paint),
      );
      if (page.gone_before !== null && !session.json) {
        session.output.note(`Those before ${page.gone_before} were deleted for their age or number.`);
      }
      notePage(session, page, after === undefined ? "before" : "after");
    });

  clientCommand(activities, "export", "write all activities, oldest first, to standard output or a file")
    .argument("[file]", "where to; the name's end chooses the format")
    .addOption(new Option("--format <format>", "ndjson or csv (ndjson)").choices(["ndjson", "csv"]))
    .addOption(new Option("--type <type>", "only of this type").choices(activityTypes))
    .addOption(new Option("--severity <severity>", "only of this severity").choices(severities))
    .option("--resource-type <word>", "only about this kind of thing, e.g. deployment")
    .option("--resource-id <id>", "only about this thing, e.g. dep-123")
    .option("--since <time>", "only from this ISO 8601 time on")
    .option("--until <time>", "only up to this ISO 8601 time")
    .option("--search <words>", 'only with these words, "phrases" or begin*')
    .action(async (file, { format, type, severity, resourceType, resourceId, since, until, search, ...options }) => {
      const session = openSession(options, context);
      const filter = { activity_type: type, severity, resource_type: resourceType, resource_id: resourceId };
      const chosen = format ?? (file?.endsWith(".csv") ? "csv" : "ndjson");
      const stream = await session.api.activities.export({ ...filter, q: search, since, until, format: chosen });
      const { printStream, saveStream } = await import("./download.ts");
      if (file === undefined) return printStream(stream, session.output);
      const bytes = await saveStream(stream, file);
      show(session, { file, bytes }, () => [`Wrote ${bytes} bytes to ${file}.`]);
    });

  clientCommand(activities, "add", "write an entry into the history")
    .argument("<message>", "what happened")
    .addOption(new Option("--type <type>", "its type (user_operation)").choices(activityTypes))
    .addOption(new Option("--severity <severity>", "how grave it is (info)").choices(severities))
    .option("--resource-type <word>", "the kind of thing it is about, e.g. deployment")
    .option("--resource-id <id>", "the thing it is about, e.g. dep-123")
    .option("--data <json>", "an object with more about it", jsonObject)
    .action(async (message, { type, severity, resourceType, resourceId, data, ...options }) => {
      const session = openSession(options, context);
      const activity = await session.api.activities.create({
        message,
        ...given({
          activity_type: type,
          severity,
          resource_type: resourceType,
          resource_id: resourceId,
          extra_data: data,
        }),
      });
      show(session, activity, () => [`Added ${activity.id}.`]);
    });
}

const columns: readonly Column<Activity>[] = [
  { title: "ID", value: ({ id }) => id },
  { title: "WHEN", value: ({ created_at }) => ago(created_at, Date.now()) },
  { title: "SEVERITY", value: ({ severity }) => severity, paint: ({ severity }) => severityFormat[severity] },
  { title: "TYPE", value: ({ activity_type }) => activity_type },
  { title: "ABOUT", value: ({ resource_id }) => resource_id ?? NOTHING, shrinks: true },
  { title: "MESSAGE", value: ({ message }) => message, shrinks: true },
];
