import type { Command } from "@commander-js/extra-typings";
import type { Channel, ChannelTest } from "../contract/channels.ts";
import { type Context, clientCommand, groupCommand, openSession } from "./context.ts";
import { ExitCode } from "./failure.ts";
import { ago } from "./format.ts";
import { show } from "./show.ts";
import { type Column, table } from "./table.ts";
import { NOTHING, plain } from "./text.ts";

/** `channels list|test`. */
export function addChannelsCommands(program: Command, context: Context): void {
  const channels = groupCommand(program, "channels", "who is told of alerts");

  clientCommand(channels, "list", "list the channels that alerts are told to").action(async (options) => {
    const session = openSession(options, context);
    const { items } = await session.api.channels.list();
    show(session, { items }, () =>
      items.length === 0
        ? ["No channels yet. Add one in the config file, e.g. [channels.on-call], or over REST: see /docs."]
        : table(items, columns, session.output.columns(), session.output.paint),
    );
  });

  clientCommand(channels, "test", "send a test message now, and show what the receiver says")
    .argument("<name>")
    .action(async (name, options) => {
      const session = openSession(options, context);
      const result = await session.api.channels.test(name);
      show(session, result, () => [said(name, result)]);
      if (!result.delivered) context.end(ExitCode.failure);
    });
}

const columns: readonly Column<Channel>[] = [
  { title: "CHANNEL", value: ({ name }) => name },
  { title: "KIND", value: ({ kind }) => kind },
  { title: "TO", value: ({ target }) => target, shrinks: true },
  { title: "FROM", value: ({ min_severity, enabled }) => (enabled ? min_severity : "off") },
  { title: "QUEUED", value: ({ queued }) => String(queued) },
  {
    title: "LAST SENT",
    value: ({ last_sent_at }) => (last_sent_at === null ? NOTHING : ago(last_sent_at, Date.now())),
  },
  { title: "FAILING", value: ({ last_error }) => (last_error === null ? NOTHING : plain(last_error)), shrinks: true },
];

function said(name: string, { delivered, status, detail, duration_ms }: ChannelTest): string {
  const answer = [status === null ? "" : String(status), plain(detail)].filter((part) => part !== "").join(" ");
  return delivered
    ? `${name} took it after ${duration_ms} ms: ${answer}`
    : `${name} did not take it after ${duration_ms} ms: ${plain(detail)}`;
}
