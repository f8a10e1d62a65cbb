import { isoTime } from "../../clock.ts";
import type { Severity } from "../../contract/index.ts";
import { type Http, postJson } from "./http.ts";
import type { Notice, Notifier, Origin } from "./notifier.ts";
import { cut, type ItemText, textOf } from "./text.ts";

/** Discord's own limits: characters of an embed's title and description and of a field, embeds, and all text together. */
const MAX_TITLE = 256;
const MAX_DESCRIPTION = 4_096;
const MAX_VALUE = 1_024;
const MAX_EMBEDS = 10;
const MAX_TEXT = 6_000;
const MAX_CONTENT = 2_000;

const COLORS = {
  info: 0x2e_a0_43,
  warning: 0xd2_99_22,
  error: 0xf8_51_49,
  critical: 0xb6_23_24,
} as const satisfies Record<Severity, number>;

/** Discord's webhooks: an embed for each alert, mentioning nobody. */
export function discord(http: Http, origin: Origin): Notifier<"discord"> {
  return {
    target: ({ url }) => new URL(url).host,
    send: ({ url }, notice, signal) =>
      postJson(http, url, JSON.stringify(payloadOf(notice, origin)), { signal, now: notice.now }),
  };
}

function payloadOf(notice: Notice, origin: Origin) {
  const text = textOf(notice, origin);
  const shown = text.items.slice(0, MAX_EMBEDS);
  const share = Math.min(MAX_DESCRIPTION, Math.floor(MAX_TEXT / shown.length / 2));
  const embeds = shown.map((item, i) => ({
    title: cut(escaped(item.title), MAX_TITLE),
    description: cut(escaped(item.message), share),
    color: COLORS[item.severity],
    timestamp: isoTime((notice.entries[i] ?? notice.entries[0]).happenedAt),
    ...(text.url !== undefined && { url: text.url }),
    fields: fieldsOf(item),
  }));
  while (embeds.length > 1 && sizeOf(embeds) > MAX_TEXT) embeds.pop();
  const left = text.items.length - embeds.length;
  const content = [
    text.items.length > 1 ? `**${escaped(text.title)}**` : undefined,
    left > 0 ? `and ${left} more` : undefined,
    text.late,
  ].filter((line) => line !== undefined);
  return {
    ...(content.length > 0 && { content: cut(content.join("\n"), MAX_CONTENT) }),
    embeds,
    // Not even @everyone in an alert's text.
    allowed_mentions: { parse: [] },
  };
}

function fieldsOf({ facts }: ItemText) {
  return facts.map(([name, value]) => ({ name, value: cut(escaped(value), MAX_VALUE), inline: true }));
}

function sizeOf(
  embeds: readonly { title: string; description: string; fields: ReturnType<typeof fieldsOf> }[],
): number {
  return embeds
    .flatMap(({ title, description, fields }) => [title, description, ...fields.flatMap((f) => [f.name, f.value])])
    .reduce((size, part) => size + part.length, 0);
}

/** Markdown's characters, so that `llama_2_7b` stays what it is. */
function escaped(text: string): string {
  return text.replaceAll(/[\\*_~`|>[\]]/g, "\\$&");
}
