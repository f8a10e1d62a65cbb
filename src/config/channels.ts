import { z } from "zod";
import { type CreateChannel, createChannel, MAX_CHANNELS } from "../contract/channels.ts";

/** What a table says of the channel itself; the rest of it is how to reach the receiver. */
const OWN_KEYS = ["kind", "enabled", "min_severity", "events", "remind_critical_minutes", "remind_minutes"];

/**
 * The channels of the config file's `[channels.NAME]` tables. A table holds what REST takes, with the settings beside
 * the rest.
 *
 * @param tables the `channels` table of the config file, as it was read.
 * @returns the channels, or one line that names the table, the key and what is allowed, and no value: it may be secret.
 */
export function channelsOf(tables: unknown): readonly CreateChannel[] | string {
  const parsed = z.record(z.string(), z.record(z.string(), z.unknown())).safeParse(tables ?? {});
  if (!parsed.success) return "channels must hold tables such as [channels.on-call]";
  const channels: CreateChannel[] = [];
  if (Object.keys(parsed.data).length > MAX_CHANNELS) return `channels must be at most ${MAX_CHANNELS} tables`;
  for (const [name, table] of Object.entries(parsed.data)) {
    const own = Object.entries(table).filter(([key]) => OWN_KEYS.includes(key));
    const settings = Object.entries(table).filter(([key]) => !OWN_KEYS.includes(key));
    const result = createChannel.safeParse({
      ...Object.fromEntries(own),
      name,
      settings: Object.fromEntries(settings),
    });
    if (!result.success) return `channels.${name}${complaint(result.error)}`;
    channels.push(result.data);
  }
  return channels;
}

/** The first thing that is wrong, to be put behind the table's name. */
function complaint({ issues: [issue] }: z.ZodError): string {
  if (!issue) return " is wrong";
  const path = issue.path.filter((key) => key !== "settings");
  if (path[0] === "name") return ` is not a name for a channel: it ${issue.message}`;
  const keys = issue.code === "unrecognized_keys" ? issue.keys : [];
  if (keys.length > 0) return `.${keys[0]} is not known for a channel of this kind`;
  const where = path.length === 0 ? "" : `.${path.join(".")}`;
  if (issue.code === "invalid_type" && issue.input === undefined) return `${where} is missing`;
  return `${where} ${/^[a-z]/.test(issue.message) ? issue.message : `is wrong: ${issue.message}`}`;
}
