import type {
  ActivityStreamEvent,
  DeploymentEventsEvent,
  EventStreamName,
  ModelStatusUpdate,
  StreamName,
  SystemAlertsEvent,
  SystemResourcesUpdate,
} from "../contract/streams.ts";

/** What each stream pushes. */
export interface StreamEvents {
  system_resources: SystemResourcesUpdate;
  model_status: ModelStatusUpdate;
  activity_stream: ActivityStreamEvent;
  system_alerts: SystemAlertsEvent;
  deployment_events: DeploymentEventsEvent;
}

/** The wire event of each stream. Written here again, and checked against the contract, so that no schema is bundled. */
export const wireEvents = {
  system_resources: "system_resources_update",
  model_status: "model_status_update",
  activity_stream: "activity_stream",
  system_alerts: "system_alerts",
  deployment_events: "deployment_events",
} as const satisfies { [Stream in StreamName]: StreamEvents[Stream]["event_type"] };

/** All streams there are. */
export const streamNames = [
  "system_resources",
  "model_status",
  "activity_stream",
  "system_alerts",
  "deployment_events",
] as const satisfies readonly StreamName[];

const eventStreams: ReadonlySet<StreamName> = new Set<EventStreamName>([
  "activity_stream",
  "system_alerts",
  "deployment_events",
]);

/** Whether the stream's events are kept by the server and can be replayed; of the others only the newest counts. */
export function isEventStream(stream: StreamName): stream is EventStreamName {
  return eventStreams.has(stream);
}
