import type { z } from "zod";
import {
  type Acknowledge,
  eventStreamName,
  type LogSubscription,
  type LogUnsubscription,
  logSubscription,
  logUnsubscription,
  noOptions,
  type ReplayOptions,
  replayOptions,
  type SubscriptionError,
  type SubscriptionName,
  subscriptionName,
} from "../contract/index.ts";

/** What a client asked for, checked. */
export interface SubscriptionRequest {
  readonly kind: "request";
  readonly verb: "subscribe" | "unsubscribe";
  readonly name: SubscriptionName;
  readonly options: ReplayOptions;
  readonly acknowledge: Acknowledge | undefined;
}

/** What a client asked for of a deployment's log, checked. */
export type LogRequest = {
  readonly kind: "logs";
  readonly name: typeof LOGS;
  readonly acknowledge: Acknowledge | undefined;
} & (
  | { readonly verb: "subscribe"; readonly options: LogSubscription }
  | { readonly verb: "unsubscribe"; readonly options: LogUnsubscription }
);

/** What is wrong with what a client sent. */
export interface RefusedRequest {
  readonly kind: "refused";
  readonly error: SubscriptionError;
  readonly acknowledge: Acknowledge | undefined;
}

const LOGS = "deployment_logs";

/** Every event a client may send. */
export const validEvents: readonly string[] = [...subscriptionName.options, LOGS].flatMap((name) => [
  `subscribe_${name}`,
  `unsubscribe_${name}`,
]);

type NamedEvent = Pick<SubscriptionRequest, "verb" | "name">;

const named: ReadonlyMap<string, NamedEvent> = new Map(
  subscriptionName.options.flatMap((name): [string, NamedEvent][] => [
    [`subscribe_${name}`, { verb: "subscribe", name }],
    [`unsubscribe_${name}`, { verb: "unsubscribe", name }],
  ]),
);

/** Longest piece of a client's own text that an answer repeats. */
const ECHO_LENGTH = 64;

/**
 * Reads one event as it came in: its name, at most one options object, and the acknowledgement callback if the client
 * passed one. `null` counts as no options, since that is what clients send for a missing argument.
 */
export function readRequest(
  event: unknown,
  args: readonly unknown[],
): SubscriptionRequest | LogRequest | RefusedRequest {
  const last = args.at(-1);
  const acknowledge = typeof last === "function" ? (last as Acknowledge) : undefined;
  const payload = acknowledge ? args.slice(0, -1) : args;
  if (event === `subscribe_${LOGS}` || event === `unsubscribe_${LOGS}`)
    return readLogRequest(event, payload, acknowledge);
  const known = typeof event === "string" ? named.get(event) : undefined;
  if (!known) {
    // Not everything can be made a string: an object may bring a `toString` that is none.
    const shown = (typeof event === "object" ? "object" : String(event)).slice(0, ECHO_LENGTH);
    return refused(acknowledge, {
      event_type: shown,
      code: "unknown_event",
      message: `There is no event ${JSON.stringify(shown)}; valid_events lists those there are.`,
      valid_events: [...validEvents],
    });
  }
  const takesReplay = known.verb === "subscribe" && eventStreamName.safeParse(known.name).success;
  const schema = takesReplay ? replayOptions : noOptions;
  const parsed = schema.safeParse(payload[0] ?? {});
  if (payload.length > 1 || !parsed.success) {
    const allowed = takesReplay ? "at most one object {after?: number or id}" : "no payload";
    return refused(acknowledge, {
      event_type: known.name,
      code: "invalid_payload",
      message: `${event} takes ${allowed}${parsed.success ? "" : `: ${explain(parsed.error.issues[0])}`}.`,
    });
  }
  return { kind: "request", ...known, options: parsed.data, acknowledge };
}

function readLogRequest(
  event: string,
  payload: readonly unknown[],
  acknowledge: Acknowledge | undefined,
): LogRequest | RefusedRequest {
  const read = <Options>(schema: z.ZodType<Options>, allowed: string): Options | RefusedRequest => {
    const parsed = schema.safeParse(payload[0] ?? {});
    if (payload.length <= 1 && parsed.success) return parsed.data;
    const why = parsed.success ? "" : `: ${explain(parsed.error.issues[0])}`;
    const message = `${event} takes one object ${allowed}${why}.`;
    return refused(acknowledge, { event_type: LOGS, code: "invalid_payload", message });
  };
  if (event === `subscribe_${LOGS}`) {
    const options = read(logSubscription, "{deployment_id, tail?: number, after?: cursor}");
    return "kind" in options ? options : { kind: "logs", verb: "subscribe", name: LOGS, options, acknowledge };
  }
  const options = read(logUnsubscription, "{deployment_id}");
  return "kind" in options ? options : { kind: "logs", verb: "unsubscribe", name: LOGS, options, acknowledge };
}

function refused(acknowledge: Acknowledge | undefined, error: SubscriptionError): RefusedRequest {
  return { kind: "refused", error, acknowledge };
}

function explain(issue: { path: PropertyKey[]; message: string } | undefined): string {
  if (!issue) return "it is not valid";
  const field = issue.path.map(String).join(".");
  return `${field ? `${field} ` : ""}${issue.message}`.slice(0, 3 * ECHO_LENGTH);
}
