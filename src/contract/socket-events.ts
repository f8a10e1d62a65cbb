import type { AccessEnded } from "./access.ts";
import type { DeploymentLogsEvent, LogSubscription, LogUnsubscription } from "./logs.ts";
import type {
  ActivityStreamEvent,
  DeploymentEventsEvent,
  EventStreamName,
  ModelStatusUpdate,
  ReplayOptions,
  SubscriptionAck,
  SubscriptionError,
  SubscriptionName,
  SystemAlertsEvent,
  SystemResourcesUpdate,
} from "./streams.ts";

/** Called with the same payload that `subscribed`, `unsubscribed` or `subscription_error` carries. */
export type Acknowledge = (answer: SubscriptionAck | SubscriptionError) => void;

export interface ServerToClientEvents {
  system_resources_update: (update: SystemResourcesUpdate) => void;
  model_status_update: (update: ModelStatusUpdate) => void;
  activity_stream: (event: ActivityStreamEvent) => void;
  system_alerts: (event: SystemAlertsEvent) => void;
  deployment_events: (event: DeploymentEventsEvent) => void;
  deployment_logs: (event: DeploymentLogsEvent) => void;
  subscribed: (ack: SubscriptionAck) => void;
  unsubscribed: (ack: SubscriptionAck) => void;
  subscription_error: (error: SubscriptionError) => void;
  /**
   * Where this connection stands in the event streams, for Socket.IO's connection state recovery. Socket.IO itself
   * appends this string to every event, which breaks handlers that take one argument (python-socketio's do).
   */
  recovery_offset: (offset: string) => void;
  /** What let this connection in does so no more, and it is about to close; another token is needed. */
  access_ended: (notice: AccessEnded) => void;
  /** The server is going away and the connection is about to close; reconnecting is right. */
  server_shutdown: (notice: { message: string }) => void;
}

type SubscribeEvent<Name extends SubscriptionName> = Name extends EventStreamName
  ? { (options?: ReplayOptions, acknowledge?: Acknowledge): void; (acknowledge: Acknowledge): void }
  : (acknowledge?: Acknowledge) => void;

export type ClientToServerEvents = {
  [Name in SubscriptionName as `subscribe_${Name}`]: SubscribeEvent<Name>;
} & {
  [Name in SubscriptionName as `unsubscribe_${Name}`]: (acknowledge?: Acknowledge) => void;
} & {
  subscribe_deployment_logs: (request: LogSubscription, acknowledge?: Acknowledge) => void;
  unsubscribe_deployment_logs: (request: LogUnsubscription, acknowledge?: Acknowledge) => void;
};
