import type { Severity } from "../../contract/index.ts";
import { type Http, postJson } from "./http.ts";
import type { Notifier, Origin } from "./notifier.ts";
import { cut, type ItemText, type NoticeText, textOf } from "./text.ts";

/** Slack's own limits: 150 characters in a header, 3,000 in a section, 50 blocks in a message. */
const MAX_HEADER = 150;
const MAX_SECTION = 3_000;
const MAX_ITEMS = 40;

const EMOJI = {
  info: ":white_check_mark:",
  warning: ":warning:",
  error: ":red_circle:",
  critical: ":rotating_light:",
} as const satisfies Record<Severity, string>;

/** Slack's incoming webhooks, and what takes the same (Mattermost, Rocket.Chat). */
export function slack(http: Http, origin: Origin): Notifier<"slack"> {
  return {
    target: ({ url }) => new URL(url).host,
    send: ({ url }, notice, signal) =>
      postJson(http, url, JSON.stringify(payloadOf(textOf(notice, origin))), { signal, now: notice.now }),
  };
}

function payloadOf(text: NoticeText) {
  const several = text.items.length > 1;
  const left = text.items.length - MAX_ITEMS;
  const notes = [
    left > 0 ? `and ${left} more` : undefined,
    text.late && escaped(text.late),
    text.url && `<${escaped(text.url)}|Open the dashboard>`,
  ].filter((note) => note !== undefined);
  return {
    // What notifications on a phone show, and clients that know no blocks.
    text: cut(escaped(text.title), MAX_SECTION),
    blocks: [
      { type: "header", text: { type: "plain_text", text: cut(text.title, MAX_HEADER), emoji: true } },
      ...text.items.slice(0, MAX_ITEMS).map((item) => section(item, several)),
      ...(notes.length > 0
        ? [{ type: "context", elements: notes.map((note) => ({ type: "mrkdwn", text: note })) }]
        : []),
    ],
  };
}

function section(item: ItemText, titled: boolean) {
  const lines = [
    `${EMOJI[item.severity]} ${titled ? `*${escaped(item.title)}*\n` : ""}${escaped(item.message)}`,
    ...item.facts.map(([name, value]) => `*${name}:* ${escaped(value)}`),
  ];
  return { type: "section", text: { type: "mrkdwn", text: cut(lines.join("\n"), MAX_SECTION) } };
}

/** The three characters that Slack reads as markup: `<!channel>` would call everybody. */
function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
