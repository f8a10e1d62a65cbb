import { z } from "@hono/zod-openapi";
import { accessScope, type Scope } from "./access.ts";
import { activity } from "./activities.ts";
import { alert } from "./alerts.ts";
import { deploymentEvent, modelStatus } from "./deployments.ts";
import { logCursor } from "./logs.ts";
import { deploymentId, timestamp } from "./primitives.ts";
import { systemResources } from "./resources.ts";

export const streamName = z.enum([
  "system_resources",
  "model_status",
  "activity_stream",
  "system_alerts",
  "deployment_events",
]);
export type StreamName = z.infer<typeof streamName>;

/** Streams whose events are kept in the store and can be replayed; the others are states where only the last counts. */
export const eventStreamName = streamName.extract(["activity_stream", "system_alerts", "deployment_events"]);
export type EventStreamName = z.infer<typeof eventStreamName>;
export type StateStreamName = Exclude<StreamName, EventStreamName>;

/** What a subscription can name: a stream, all of them, or all of them by the name version 1 used. */
export const subscriptionName = z.enum([...streamName.options, "all", "system_monitor"]);
export type SubscriptionName = z.infer<typeof subscriptionName>;

function envelope<Name extends string, Data extends z.ZodType>(eventType: Name, data: Data) {
  return z.object({
    event_type: z.literal(eventType),
    timestamp,
    data,
    /** Position in its event stream; the number inside the event's id. Absent on state streams. */
    seq: z.number().int().positive().optional(),
    /** Which server sent it, where there are several. */
    node_id: z.string().optional(),
    /** True when this comes from the store and not from a change that happens now. */
    replayed: z.literal(true).optional(),
  });
}

export const systemResourcesUpdate = envelope("system_resources_update", systemResources).openapi(
  "SystemResourcesUpdate",
);
export const modelStatusUpdate = envelope("model_status_update", modelStatus).openapi("ModelStatusUpdate");
export const activityStreamEvent = envelope("activity_stream", activity).openapi("ActivityStreamEvent");
export const systemAlertsEvent = envelope("system_alerts", alert).openapi("SystemAlertsEvent");
export const deploymentEventsEvent = envelope("deployment_events", deploymentEvent).openapi("DeploymentEventsEvent");

interface StreamDefinition {
  /** How messages to people call it. */
  readonly title: string;
  /** The event that is pushed. */
  readonly event: string;
  readonly envelope: z.ZodType;
  /** What a subscriber needs. */
  readonly scope: Scope;
  /** Milliseconds between two pushes; undefined where events are pushed the moment they happen. */
  readonly intervalMs?: number;
  /** On event streams: the prefix of the ids that `after` takes. */
  readonly idPrefix?: string;
}

export const streams = {
  system_resources: {
    title: "System resources",
    event: "system_resources_update",
    envelope: systemResourcesUpdate,
    scope: "read:resources",
    intervalMs: 2_000,
  },
  model_status: {
    title: "Model status",
    event: "model_status_update",
    envelope: modelStatusUpdate,
    scope: "read:deployments",
    intervalMs: 5_000,
  },
  activity_stream: {
    title: "Activity stream",
    event: "activity_stream",
    envelope: activityStreamEvent,
    scope: "read:activities",
    idPrefix: "act-",
  },
  system_alerts: {
    title: "System alerts",
    event: "system_alerts",
    envelope: systemAlertsEvent,
    scope: "read:alerts",
    idPrefix: "alert_",
  },
  deployment_events: {
    title: "Deployment events",
    event: "deployment_events",
    envelope: deploymentEventsEvent,
    scope: "read:deployments",
    idPrefix: "evt-",
  },
} as const satisfies Record<StreamName, StreamDefinition>;

const titles: Record<SubscriptionName, string> = {
  ...(Object.fromEntries(streamName.options.map((name) => [name, streams[name].title])) as Record<StreamName, string>),
  all: "All events",
  system_monitor: "System monitor",
};

/** @param denied the streams of several that are left out. */
export function subscribedMessage(name: SubscriptionName, denied: NonNullable<SubscriptionAck["denied"]> = []): string {
  const without = denied.map(({ event_type, scope }) => `${event_type} (needs ${scope})`).join(", ");
  return `${titles[name]} subscription successful${without && `, without ${without}`}`;
}

export function unsubscribedMessage(name: SubscriptionName): string {
  return `${titles[name]} unsubscription successful`;
}

/** The answer to every subscription (`subscribed`) and unsubscription (`unsubscribed`). */
export const subscriptionAck = z
  .object({
    event_type: z.enum([...subscriptionName.options, "deployment_logs"]),
    message: z.string(),
    /** Unique per connection, the same over a recovered one. */
    session_id: z.string().startsWith("client_"),
    /**
     * On a subscription to one event stream: the `seq` after which its events follow, so that a client which loses the
     * connection before the first event knows from where to replay.
     */
    seq: z.number().int().nonnegative().optional(),
    /** On a subscription to several streams: those that the caller may not read, and the scope that each needs. */
    denied: z.array(z.object({ event_type: streamName, scope: accessScope })).optional(),
    /** On a replay: the oldest event that is kept, where older ones that the replay should have had were deleted. */
    gone_before: z.string().optional(),
    /** Of `deployment_logs`: whose log it is. */
    deployment_id: deploymentId.optional(),
    /** Of `deployment_logs`: where that log ended when it was asked for; what comes from then on is behind it. */
    cursor: logCursor.optional(),
  })
  .openapi("SubscriptionAck");
export type SubscriptionAck = z.infer<typeof subscriptionAck>;

export const subscriptionErrorCode = z.enum([
  /** No such event; `valid_events` lists those there are. */
  "unknown_event",
  /** The payload is not what this event takes. */
  "invalid_payload",
  /** `after` names an event that this server has not sent. */
  "unknown_id",
  /** The caller lacks `scope`. */
  "forbidden",
  /** There is no such deployment. */
  "not_found",
  /** This connection follows as many logs as it may. */
  "too_many",
  /** Too many events in a short time; repeated, the connection is closed. */
  "rate_limited",
  /** The server failed; the log says why. */
  "internal_error",
]);
export type SubscriptionErrorCode = z.infer<typeof subscriptionErrorCode>;

export const subscriptionError = z
  .object({
    /** The stream, or the event name as it was sent. */
    event_type: z.string(),
    code: subscriptionErrorCode,
    message: z.string(),
    valid_events: z.array(z.string()).optional(),
    scope: accessScope.optional(),
  })
  .openapi("SubscriptionError");
export type SubscriptionError = z.infer<typeof subscriptionError>;

/** What a subscription to a state stream, to all streams, or an unsubscription may carry: nothing. */
export const noOptions = z.strictObject({}).openapi("NoOptions");

/**
 * What a subscription to an event stream may carry. `after` is the `seq` or the id of the last event the client has;
 * 0 asks for all there are. An alert's id stands for its first event, so an update of it is not missed.
 */
export const replayOptions = z
  .strictObject({
    after: z
      .union([z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER), z.string().min(1).max(64)], {
        error: "must be an event's number or its id",
      })
      .optional(),
  })
  .openapi("ReplayOptions");
export type ReplayOptions = z.infer<typeof replayOptions>;

export type SystemResourcesUpdate = z.infer<typeof systemResourcesUpdate>;
export type ModelStatusUpdate = z.infer<typeof modelStatusUpdate>;
export type ActivityStreamEvent = z.infer<typeof activityStreamEvent>;
export type SystemAlertsEvent = z.infer<typeof systemAlertsEvent>;
export type DeploymentEventsEvent = z.infer<typeof deploymentEventsEvent>;
