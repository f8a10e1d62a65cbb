import type { Alert, Severity } from "../../contract/index.ts";
import type { Notice, NoticeEntry, Origin } from "./notifier.ts";

/** What a message says, before it is put into a receiver's form. */
export interface NoticeText {
  /** `[CRITICAL] High Memory Usage on gpu-box`. */
  readonly title: string;
  /** One for each entry. */
  readonly items: readonly ItemText[];
  /** The worst of all; `info` when everything is over. */
  readonly severity: Severity;
  /** Whether nothing of it is wrong any more. */
  readonly resolved: boolean;
  /** Said when it took long to get through. */
  readonly late: string | undefined;
  readonly url: string | undefined;
}

export interface ItemText {
  readonly title: string;
  readonly message: string;
  /** `Value`, `92.1 %`; the same names in the same order for all entries of one kind. */
  readonly facts: readonly (readonly [name: string, value: string])[];
  readonly severity: Severity;
}

/** A message that took longer than this says when it happened: somebody who reads it would think it is now. */
const LATE_MS = 60_000;

const SEVERITIES = ["info", "warning", "error", "critical"] as const satisfies readonly Severity[];

export function textOf({ entries, now }: Notice, { hostName, publicUrl }: Origin): NoticeText {
  const items = entries.map((entry) => itemOf(entry, hostName));
  const [first, ...more] = items as [ItemText, ...ItemText[]];
  const severity = SEVERITIES[Math.max(...items.map((item) => SEVERITIES.indexOf(item.severity)))] ?? "info";
  const oldest = Math.min(...entries.map(({ happenedAt }) => happenedAt));
  return {
    title:
      more.length === 0
        ? `${first.title} on ${hostName}`
        : `[${severity.toUpperCase()}] ${items.length} alerts on ${hostName}`,
    items,
    severity,
    resolved: entries.every(({ event }) => event === "resolved"),
    late:
      now - oldest > LATE_MS
        ? `Delivered late: this happened at ${timeOf(oldest)}, ${durationOf(now - oldest)} ago.`
        : undefined,
    url: publicUrl,
  };
}

function itemOf({ event, alert, happenedAt }: NoticeEntry, hostName: string): ItemText {
  const { resource, message } = alert;
  const opened = Date.parse(alert.created_at);
  const lasted = durationOf(happenedAt - opened);
  const subject = resource.id === undefined ? resource.type : `${resource.type} ${resource.id}`;
  const facts: [string, string][] =
    event === "test"
      ? []
      : [
          ["Resource", subject],
          ["Value", quantityOf(resource.current_value, resource.unit)],
          ["Threshold", quantityOf(resource.threshold, resource.unit)],
          event === "resolved"
            ? ["Lasted", `${lasted}, since ${timeOf(opened)}`]
            : ["Since", event === "opened" ? timeOf(opened) : `${timeOf(opened)} (${lasted})`],
        ];
  return {
    title: `${LABELS[event](alert)} ${alert.title}`,
    message,
    facts: [...facts, ["Host", hostName], ...(event === "test" ? [] : [["Alert", alert.alert_id] as const])],
    severity: event === "resolved" || event === "test" ? "info" : alert.severity,
  };
}

const level = ({ severity }: Alert) => `[${severity.toUpperCase()}]`;

const LABELS: Record<NoticeEntry["event"], (alert: Alert) => string> = {
  opened: level,
  escalated: (alert) => `${level(alert)} Worse:`,
  deescalated: (alert) => `${level(alert)} Better:`,
  resolved: () => "[RESOLVED]",
  reminder: (alert) => `${level(alert)} Still:`,
  acknowledged: () => "[ACKNOWLEDGED]",
  flapping: (alert) => `${level(alert)} Flapping:`,
  stale: () => "[UNKNOWN]",
  fresh: (alert) => `${level(alert)} Known again:`,
  test: () => "[TEST]",
};

/** `92.1 %`; counts have no decimals. */
function quantityOf(value: number, unit: string): string {
  return `${Number.isInteger(value) ? value : value.toFixed(1)} ${unit}`;
}

/** `2026-11-25 12:00:05 UTC`. */
function timeOf(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

/** `12 s`, `5 min`, `3 h 20 min`, `2 d 4 h`: as exact as somebody wants to know. */
export function durationOf(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
  return hours % 24 === 0 ? `${hours / 24} d` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** The message as plain text, for e-mail and whatever has no markup. */
export function plainText(text: NoticeText): string {
  const items = text.items.map(({ title, message, facts }) =>
    [...(text.items.length > 1 ? [title] : []), message, ...facts.map(([name, value]) => `${name}: ${value}`)].join(
      "\n",
    ),
  );
  return [...items, text.late, text.url].filter((part) => part !== undefined).join("\n\n");
}

/** `text` in at most `limit` UTF-16 units, cut at a character with a mark that it is. */
export function cut(text: string, limit: number): string {
  if (text.length <= limit) return text;
  const end = text.slice(0, limit - 1);
  // Half of a surrogate pair is no character.
  return `${/[\uD800-\uDBFF]$/.test(end) ? end.slice(0, -1) : end}…`;
}
