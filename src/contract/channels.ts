import { z } from "@hono/zod-openapi";
import { severity, timestamp } from "./primitives.ts";

/** Channels there can be; each one is a queue and a connection of its own. */
export const MAX_CHANNELS = 50;

/** A channel's name: what URLs, `[channels.NAME]` tables and people call it by. */
export const channelName = z
  .string()
  .regex(
    /^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$/,
    "must be 1 to 64 lower-case letters, digits, '.', '_' and '-', beginning and ending with a letter or digit",
  )
  .openapi({ example: "on-call" });

/** What happened to an alert, as a channel can be told of it. */
export const channelEvent = z.enum([
  "opened",
  "escalated",
  "deescalated",
  "resolved",
  "acknowledged",
  "flapping",
  "stale",
  "fresh",
]);
export type ChannelEvent = z.infer<typeof channelEvent>;

const httpUrl = z
  .string()
  .max(2_048, "must be at most 2048 characters")
  .refine((text) => /^https?:$/.test(URL.parse(text)?.protocol ?? ""), "must be an http:// or https:// URL")
  .refine((text) => !URL.parse(text)?.username && !URL.parse(text)?.password, "must not hold a user name or password");
/** What may stand in a header or a login: printable, on one line. */
const line = z
  .string()
  .min(1)
  .max(1_024)
  .regex(/^[\x20-\x7e]+$/, "must be printable ASCII characters on one line");
const webhookSecret = z
  .string()
  .regex(
    /^whsec_(?:[A-Za-z0-9+/]{32,88}={0,2})$/,
    "must be whsec_ and 24 to 64 random bytes in base64, as `openssl rand -base64 32` makes them",
  );
/** Those that say what a request is, and those that sign it, are the server's. */
const OWN_HEADERS = /^(?:host|content-.*|transfer-encoding|connection|webhook-.*)$/i;
const headers = z
  .record(z.string().regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$/, "must be a header's name"), line)
  .refine((record) => Object.keys(record).length <= 16, "must be at most 16")
  .refine(
    (record) => !Object.keys(record).some((name) => OWN_HEADERS.test(name)),
    "must not be headers that the server sets: host, content-*, transfer-encoding, connection, webhook-*",
  );

/** What each kind of channel needs to reach its receiver. */
export const channelSettings = {
  webhook: z.strictObject({ url: httpUrl, secret: webhookSecret, headers: headers.optional() }),
  slack: z.strictObject({ url: httpUrl }),
  discord: z.strictObject({ url: httpUrl }),
  ntfy: z.strictObject({
    server: httpUrl.default("https://ntfy.sh"),
    topic: z.string().regex(/^[-_A-Za-z0-9]{1,64}$/, "must be 1 to 64 letters, digits, '_' and '-'"),
    token: line.optional(),
  }),
  telegram: z.strictObject({
    bot_token: z.string().regex(/^[0-9]{1,20}:[A-Za-z0-9_-]{20,128}$/, "must be a bot's token, like 123456:ABC-DEF…"),
    chat_id: z.string().regex(/^(?:-?[0-9]{1,20}|@[A-Za-z0-9_]{4,32})$/, "must be a chat's number or @channelname"),
    /** A topic of a group that has topics. */
    thread_id: z.number().int().positive().optional(),
    api_url: httpUrl.default("https://api.telegram.org"),
  }),
  email: z.strictObject({
    host: z.string().regex(/^[A-Za-z0-9.:-]{1,253}$/, "must be the SMTP server's name or address"),
    port: z.number().int().min(1).max(65_535).default(587),
    /** `starttls` insists on it, `tls` begins with it, `none` is for a server on this machine. */
    security: z.enum(["starttls", "tls", "none"]).default("starttls"),
    username: line.optional(),
    password: line.optional(),
    from: z.email("must be an e-mail address"),
    to: z.array(z.email("must be an e-mail address")).min(1).max(20),
  }),
} as const;
export type ChannelKind = keyof typeof channelSettings;
export type ChannelSettings = { readonly [Kind in ChannelKind]: Readonly<z.infer<(typeof channelSettings)[Kind]>> };

/** The settings that never come back out of the server. A URL or a topic is as good as a password to whoever has it. */
export const channelSecrets = {
  webhook: ["url", "secret", "headers"],
  slack: ["url"],
  discord: ["url"],
  ntfy: ["topic", "token"],
  telegram: ["bot_token"],
  email: ["password"],
} as const satisfies Record<ChannelKind, readonly string[]>;

/** The settings that say where a channel leads. Who changes one gives its secrets anew, so that none goes elsewhere. */
export const channelDestinations = {
  webhook: ["url"],
  slack: ["url"],
  discord: ["url"],
  ntfy: ["server"],
  telegram: ["api_url"],
  email: ["host", "port", "security"],
} as const satisfies Record<ChannelKind, readonly string[]>;

export const channelKinds = Object.keys(channelSettings) as [ChannelKind, ...ChannelKind[]];
export const channelKind = z.enum(channelKinds).openapi("ChannelKind");

const reminder = z
  .number()
  .int("must be a whole number of minutes")
  .min(0, "must be at least 0, which means never")
  .max(10_080, "must be at most 10080, a week");
const events = z
  .array(channelEvent)
  .max(channelEvent.options.length)
  .transform((list) => [...new Set(list)]);

/** What a channel is told of, whatever its kind. */
const subscription = {
  enabled: z.boolean(),
  min_severity: severity,
  events,
  /** Minutes between reminders of a critical alert that nobody acknowledged, and of any other; 0 means none. */
  remind_critical_minutes: reminder,
  remind_minutes: reminder,
};

const defaults = {
  enabled: subscription.enabled.default(true),
  min_severity: subscription.min_severity.default("warning"),
  events: subscription.events.default(["opened", "escalated", "resolved", "flapping"]),
  remind_critical_minutes: subscription.remind_critical_minutes.default(60),
  remind_minutes: subscription.remind_minutes.default(240),
};

function createKind<Kind extends ChannelKind>(kind: Kind) {
  return z.strictObject({
    name: channelName,
    kind: z.literal(kind),
    ...defaults,
    settings: channelSettings[kind],
  });
}

export const createChannel = z
  .discriminatedUnion(
    "kind",
    [
      createKind("webhook"),
      createKind("slack"),
      createKind("discord"),
      createKind("ntfy"),
      createKind("telegram"),
      createKind("email"),
    ],
    { error: `must be ${channelKinds.join(", ")}` },
  )
  .openapi("CreateChannel");
export type CreateChannel = z.infer<typeof createChannel>;

/** Of `settings`, those that are given replace the present ones; null removes one that may be left out. */
export const updateChannel = z
  .strictObject({
    enabled: subscription.enabled.optional(),
    min_severity: subscription.min_severity.optional(),
    events: subscription.events.optional(),
    remind_critical_minutes: subscription.remind_critical_minutes.optional(),
    remind_minutes: subscription.remind_minutes.optional(),
    settings: z.record(z.string(), z.unknown()).optional(),
  })
  .refine((patch) => Object.keys(patch).length > 0, "must change at least one field")
  .openapi("UpdateChannel");
export type UpdateChannel = z.infer<typeof updateChannel>;

export const channel = z
  .object({
    name: channelName,
    kind: channelKind,
    ...subscription,
    /** `file`: a `[channels.NAME]` table of the configuration; it is changed there. */
    source: z.enum(["api", "file"]),
    /** The host it sends to. */
    target: z.string(),
    /** Its settings without the secret ones. */
    settings: z.record(z.string(), z.unknown()),
    /** Which of the secret settings are set. */
    secrets: z.record(z.string(), z.boolean()),
    /** What waits to be delivered. */
    queued: z.number().int(),
    last_sent_at: timestamp.nullable(),
    /** Why the newest attempt failed; null when it did not. */
    last_error: z.string().nullable(),
    created_at: timestamp,
    updated_at: timestamp,
  })
  .openapi("Channel");
export type Channel = z.infer<typeof channel>;

/** What the receiver said to a test message. */
export const channelTest = z
  .object({
    delivered: z.boolean(),
    /** The HTTP status or the SMTP reply code; null when there was no answer. */
    status: z.number().int().nullable(),
    /** The beginning of the answer, or why there was none. */
    detail: z.string(),
    duration_ms: z.number().int(),
  })
  .openapi("ChannelTest");
export type ChannelTest = z.infer<typeof channelTest>;
