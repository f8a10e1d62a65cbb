import { Webhook } from "standardwebhooks";
import { isoTime } from "../../clock.ts";
import { type Http, postJson } from "./http.ts";
import type { Notice, NoticeEntry, Notifier, Origin } from "./notifier.ts";
import { textOf } from "./text.ts";

/**
 * Posts JSON to any URL, signed as https://www.standardwebhooks.com says: `webhook-id` names the message and is the same
 * with each attempt, `webhook-signature` is the HMAC-SHA256 of id, time and body, and `webhook-timestamp` is the
 * attempt's, so that an old request cannot be used again.
 */
export function webhook(http: Http, origin: Origin): Notifier<"webhook"> {
  return {
    target: ({ url }) => new URL(url).host,
    send({ url, secret, headers }, notice, signal) {
      const body = JSON.stringify(bodyOf(notice, origin));
      const at = new Date(notice.now);
      return postJson(http, url, body, {
        headers: {
          ...headers,
          "webhook-id": notice.id,
          "webhook-timestamp": String(Math.floor(at.getTime() / 1_000)),
          "webhook-signature": new Webhook(secret).sign(notice.id, at, body),
        },
        signal,
        now: notice.now,
      });
    },
  };
}

/** `alert.opened` and its kin with one alert, or `alert.digest` with several. */
function bodyOf(notice: Notice, origin: Origin) {
  const { entries } = notice;
  const [first, ...more] = entries;
  const text = textOf(notice, origin);
  return {
    type: more.length === 0 ? `alert.${first.event}` : "alert.digest",
    timestamp: isoTime(first.happenedAt),
    data: {
      title: text.title,
      severity: text.severity,
      host: origin.hostName,
      url: text.url ?? null,
      ...(more.length === 0 ? entryOf(first) : { alerts: entries.map(entryOf) }),
    },
  };
}

function entryOf({ event, alert, happenedAt }: NoticeEntry) {
  return {
    event,
    happened_at: isoTime(happenedAt),
    /** How long it had lasted then. */
    duration_seconds: Math.max(0, Math.round((happenedAt - Date.parse(alert.created_at)) / 1_000)),
    alert,
  };
}
