import type { Severity } from "../../contract/index.ts";
import { type Http, postJson } from "./http.ts";
import type { Notifier, Origin } from "./notifier.ts";
import { cut, plainText, textOf } from "./text.ts";

/** ntfy makes an attachment of a message of more than 4,096 bytes; a UTF-16 unit takes three at most. */
const MAX_MESSAGE = 1_300;
const MAX_TITLE = 250;

/** ntfy's five: 5 rings until somebody looks, 4 rings once, 3 is the default. */
const PRIORITIES = { info: 3, warning: 3, error: 4, critical: 5 } as const satisfies Record<Severity, number>;
/** Names that ntfy shows as emojis. */
const TAGS = {
  info: "white_check_mark",
  warning: "warning",
  error: "red_circle",
  critical: "rotating_light",
} as const satisfies Record<Severity, string>;

/** ntfy.sh or an ntfy server of one's own: its JSON form, which is posted to the server's root. */
export function ntfy(http: Http, origin: Origin): Notifier<"ntfy"> {
  return {
    target: ({ server }) => new URL(server).host,
    send({ server, topic, token }, notice, signal) {
      const text = textOf(notice, origin);
      const body = {
        topic,
        title: cut(text.title, MAX_TITLE),
        message: cut(plainText({ ...text, url: undefined }), MAX_MESSAGE),
        priority: PRIORITIES[text.severity],
        tags: [TAGS[text.severity]],
        ...(text.url !== undefined && { click: text.url }),
      };
      return postJson(http, server, JSON.stringify(body), {
        ...(token !== undefined && { headers: { authorization: `Bearer ${token}` } }),
        signal,
        now: notice.now,
      });
    },
  };
}
