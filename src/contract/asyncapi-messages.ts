import { z } from "@hono/zod-openapi";
import { accessEnded, type Need } from "./access.ts";
import { deploymentLogsEvent, logSubscription, logUnsubscription } from "./logs.ts";
import {
  type EventStreamName,
  eventStreamName,
  noOptions,
  replayOptions,
  type StreamName,
  type SubscriptionName,
  streamName,
  streams,
  subscriptionAck,
  subscriptionError,
  subscriptionName,
} from "./streams.ts";

/** One Socket.IO event: its name, what it is for, and its one argument. */
export interface Message {
  readonly name: string;
  readonly summary: string;
  readonly description?: string;
  readonly payload: z.ZodType;
}

/** An event that a client sends, and the names of those that may answer it. */
export interface Request extends Message {
  /** What its sender needs; `any` of those that concern several streams, of which it gets what it may have. */
  readonly scope: Need;
  readonly replies: readonly string[];
}

/** What the server sends by itself. */
export const pushes: readonly Message[] = [
  ...streamName.options.map((name) => ({
    name: streams[name].event,
    ...pushWords(name),
    payload: streams[name].envelope,
  })),
  {
    name: "deployment_logs",
    summary: "What a deployment's engine wrote, in order, to who follows its log",
    description:
      "In batches, each sent when the client has taken the one before: who reads slowly gets fewer and larger ones, and `dropped` counts the lines before these that were left out.",
    payload: deploymentLogsEvent,
  },
  {
    name: "recovery_offset",
    summary: "Where this connection stands, for Socket.IO's connection state recovery",
    description:
      "A client that reconnects in time sends it back and gets the events it missed. Socket.IO appends it to every event; here it is an event of its own, so that handlers of one argument keep working. Other clients ignore it.",
    payload: z.string(),
  },
  {
    name: "access_ended",
    summary: "The token or session that let this connection in has ended, and the connection is about to close",
    description: "Its code says why. Reconnecting needs another token.",
    payload: accessEnded,
  },
  {
    name: "server_shutdown",
    summary: "The server is going away and the connection is about to close; reconnecting is right",
    payload: z.object({ message: z.string() }),
  },
];

/** What the server answers with, as an event and through the acknowledgement callback. */
export const answers: readonly Message[] = [
  { name: "subscribed", summary: "The subscription holds; comes before its first event", payload: subscriptionAck },
  { name: "unsubscribed", summary: "The subscription is over", payload: subscriptionAck },
  {
    name: "subscription_error",
    summary: "What is wrong with an event that was sent; the connection lives on",
    description: "Also answers events that do not exist, with `valid_events`. Repeated abuse ends the connection.",
    payload: subscriptionError,
  },
];

/** What a client may send. */
export const requests: readonly Request[] = [
  ...subscriptionName.options.flatMap((name): Request[] => streamRequests(name)),
  {
    name: "subscribe_deployment_logs",
    summary: "Follows the log of a deployment, over restarts of its engine",
    description:
      "Begins with the last `tail` lines, or behind the line whose cursor is `after`, or with what comes from now on. A connection follows at most 16 logs, and a new one has to ask again, also a recovered one.",
    scope: "read:logs",
    payload: logSubscription,
    replies: ["subscribed", "subscription_error"],
  },
  {
    name: "unsubscribe_deployment_logs",
    summary: "Ends the following of a log; harmless where there is none",
    scope: "any",
    payload: logUnsubscription,
    replies: ["unsubscribed", "subscription_error"],
  },
];

function streamRequests(name: SubscriptionName): Request[] {
  return [
    {
      name: `subscribe_${name}`,
      ...subscribeWords(name),
      scope: name in streams ? streams[name as StreamName].scope : "any",
      payload: isEventStream(name) ? replayOptions : noOptions,
      replies: ["subscribed", "subscription_error"],
    },
    {
      name: `unsubscribe_${name}`,
      summary: "Unsubscribes; harmless where there is no subscription",
      scope: "any",
      payload: noOptions,
      replies: ["unsubscribed", "subscription_error"],
    },
  ];
}

function isEventStream(name: string): name is EventStreamName {
  return eventStreamName.safeParse(name).success;
}

function pushWords(name: StreamName): Pick<Message, "summary" | "description"> {
  const stream = streams[name];
  return "intervalMs" in stream
    ? {
        summary: `${stream.title}, every ${stream.intervalMs / 1000} s`,
        description: "A state: the last one counts, and a client that reads too slowly is left out of some.",
      }
    : {
        summary: `${stream.title}, the moment it happens`,
        description:
          "Kept, numbered by `seq`, and sent in order. `replayed: true` marks what comes from the store. Nothing is left out: who reads too slowly is disconnected, and catches up with `after`.",
      };
}

function subscribeWords(name: SubscriptionName): Pick<Message, "summary" | "description"> {
  if (name === "all" || name === "system_monitor") {
    const alias = name === "system_monitor" ? ", by the name that version 1 used" : "";
    return {
      summary: `Subscribes to all five streams${alias}`,
      description: "Takes no options, so nothing is replayed.",
    };
  }
  const { title } = streams[name];
  if (!isEventStream(name)) {
    return { summary: `Subscribes to: ${title}`, description: "The state now is sent first, to this client alone." };
  }
  return {
    summary: `Subscribes to: ${title}`,
    description: `With \`after\`, a \`seq\` or an id such as \`${streams[name].idPrefix}123\`, everything newer is replayed first, without a gap or a duplicate before what happens from now on.`,
  };
}
