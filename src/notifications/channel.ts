import type { Notifiers } from "../alerts/notifiers/notifier.ts";
import { isoTime } from "../clock.ts";
import {
  type Channel,
  type ChannelKind,
  type ChannelSettings,
  type CreateChannel,
  channelDestinations,
  channelSecrets,
  channelSettings,
  ProblemError,
  type UpdateChannel,
} from "../contract/index.ts";

/** A channel as the server has it, secrets included: for sending, never for showing. */
export interface StoredChannel {
  readonly id: number;
  readonly source: Channel["source"];
  readonly definition: CreateChannel;
  readonly createdAt: number;
  readonly updatedAt: number;
}

type Settings = ChannelSettings[ChannelKind];

/** What may be seen of a channel: everything but its secrets, of which it says whether they are set. */
export function shown(
  { source, definition, createdAt, updatedAt }: StoredChannel,
  notifiers: Pick<Notifiers, "target">,
  state: { readonly queued: number; readonly lastSentAt: number | null; readonly lastError: string | null },
): Channel {
  const { settings, ...rest } = definition;
  const secret: readonly string[] = channelSecrets[definition.kind];
  return {
    ...rest,
    events: [...rest.events],
    source,
    target: notifiers.target(definition),
    settings: Object.fromEntries(Object.entries(settings).filter(([key]) => !secret.includes(key))),
    secrets: Object.fromEntries(secret.map((key) => [key, valueAt(settings, key) !== undefined])),
    queued: state.queued,
    last_sent_at: state.lastSentAt === null ? null : isoTime(state.lastSentAt),
    last_error: state.lastError,
    created_at: isoTime(createdAt),
    updated_at: isoTime(updatedAt),
  };
}

/**
 * `definition` with the changes of `patch`.
 *
 * Who lets a channel lead elsewhere has to give its secrets anew: otherwise whoever may change channels could read them
 * by having them sent to a server of their own.
 *
 * @throws ProblemError `validation_failed`.
 */
export function changed(definition: CreateChannel, patch: UpdateChannel): CreateChannel {
  const { settings: given = {}, ...rest } = patch;
  const { kind } = definition;
  const leads: readonly string[] = channelDestinations[kind];
  const moved = leads.some((key) => key in given && given[key] !== valueAt(definition.settings, key));
  const missing = channelSecrets[kind].filter(
    (key) => !(key in given) && valueAt(definition.settings, key) !== undefined,
  );
  if (moved && missing.length > 0) {
    throw invalid(missing.map((key) => [`settings.${key}`, "must be given anew when the channel leads elsewhere"]));
  }
  const merged = Object.entries({ ...definition.settings, ...given }).filter(([, value]) => value !== null);
  const parsed = channelSettings[kind].safeParse(Object.fromEntries(merged));
  if (!parsed.success) {
    throw invalid(
      parsed.error.issues.flatMap(({ path, message, ...issue }) =>
        issue.code === "unrecognized_keys"
          ? issue.keys.map((key): [string, string] => [`settings.${key}`, `is not known for ${kind}`])
          : [[["settings", ...path].join("."), message] as [string, string]],
      ),
    );
  }
  const changes = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
  // Checked just now against the schema of its own kind.
  return { ...definition, ...changes, settings: parsed.data } as CreateChannel;
}

/** Every secret text of a channel, so that it can be taken out of what a receiver says. */
export function secretTexts({ kind, settings }: CreateChannel): string[] {
  return channelSecrets[kind].flatMap((key) => textsOf(valueAt(settings, key)));
}

/** `text` without the channel's secrets, whoever put them there: a receiver may repeat what it was sent. */
export function withoutSecrets(text: string, definition: CreateChannel): string {
  const secrets = secretTexts(definition).filter((secret) => secret.length >= SHORTEST_SECRET);
  return secrets
    .sort((a, b) => b.length - a.length)
    .reduce((rest, secret) => rest.replaceAll(secret, "[hidden]"), text);
}

/** Hiding what is shorter would hide words. */
const SHORTEST_SECRET = 4;

function textsOf(value: unknown): string[] {
  if (typeof value === "string") {
    const url = URL.parse(value);
    // A receiver repeats a request's path, and not the whole URL.
    return url && url.pathname.length > 1 ? [value, `${url.pathname}${url.search}`, url.pathname] : [value];
  }
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(textsOf) : [];
}

function valueAt(settings: Settings, key: string): unknown {
  return Object.entries(settings).find(([name]) => name === key)?.[1];
}

function invalid(errors: readonly (readonly [field: string, message: string])[]): ProblemError {
  return new ProblemError(
    "validation_failed",
    "The channel's settings are not valid.",
    errors.map(([field, message]) => ({ field, message })),
  );
}
