import type { Severity } from "../../contract/index.ts";
import { type Http, postJson } from "./http.ts";
import { DeliveryError, type Notifier, type Origin } from "./notifier.ts";
import { cut, type NoticeText, textOf } from "./text.ts";

/** Telegram takes 4,096 characters once the markup is read; what is escaped only gets shorter by that. */
const MAX_TEXT = 4_096;
/** Each alert of a digest gets a share of it, so that none is cut off in the middle of its markup. */
const MAX_ITEMS = 15;
const MAX_MESSAGE = 1_000;
const MAX_ITEM_TITLE = 100;
/** What the title, the link, the note on lateness and the lines between take at most. */
const FRAME = 700;

const EMOJI = { info: "✅", warning: "⚠️", error: "🔴", critical: "🚨" } as const satisfies Record<Severity, string>;

/** A Telegram bot's `sendMessage`. */
export function telegram(http: Http, origin: Origin): Notifier<"telegram"> {
  return {
    target: ({ api_url }) => new URL(api_url).host,
    async send({ bot_token, chat_id, thread_id, api_url }, notice, signal) {
      const body = {
        chat_id,
        ...(thread_id !== undefined && { message_thread_id: thread_id }),
        text: htmlOf(textOf(notice, origin)),
        parse_mode: "HTML",
        link_preview_options: { is_disabled: true },
      };
      const url = `${api_url.replace(/\/+$/, "")}/bot${bot_token}/sendMessage`;
      const receipt = await postJson(http, url, JSON.stringify(body), { signal, now: notice.now });
      // Telegram says in the body whether it took the message.
      if (/"ok"\s*:\s*false/.test(receipt.detail)) {
        throw new DeliveryError(`Telegram refused: ${receipt.detail}`, { status: receipt.status });
      }
      return receipt;
    },
  };
}

function htmlOf(text: NoticeText): string {
  const shown = text.items.slice(0, MAX_ITEMS);
  const share = Math.min(MAX_MESSAGE, Math.floor((MAX_TEXT - FRAME) / shown.length) - MAX_ITEM_TITLE - 8);
  const items = shown.map(({ title, message, facts, severity }) => {
    const lines = [
      ...(text.items.length > 1 ? [`${EMOJI[severity]} <b>${escaped(cut(title, MAX_ITEM_TITLE))}</b>`] : []),
      escaped(cut(message, share)),
      // In a digest the message says enough.
      ...(text.items.length > 1 ? [] : facts.map(([name, value]) => `<b>${name}:</b> ${escaped(cut(value, 200))}`)),
    ];
    return lines.join("\n");
  });
  const left = text.items.length - shown.length;
  const parts = [
    `${EMOJI[text.severity]} <b>${escaped(cut(text.title, 200))}</b>`,
    ...items,
    left > 0 ? `and ${left} more` : undefined,
    text.late && escaped(text.late),
    text.url && `<a href="${escaped(text.url)}">Open the dashboard</a>`,
  ];
  return parts.filter((part) => part !== undefined).join("\n\n");
}

/** What Telegram's HTML needs, and what stands in an attribute. */
function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
