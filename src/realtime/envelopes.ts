import type { EventStreamName, StateStreamName } from "../contract/index.ts";
import { streams } from "../contract/index.ts";
import type { LoggedEvent } from "../store/bus.ts";

/** An event of an event stream as it goes over the wire. */
export function eventEnvelope<Data>(stream: EventStreamName, event: LoggedEvent<Data>, replayed: boolean) {
  const envelope = { event_type: streams[stream].event, timestamp: event.timestamp, data: event.data, seq: event.seq };
  return replayed ? { ...envelope, replayed: true as const } : envelope;
}

/** A sample of a state stream as it goes over the wire. */
export function stateEnvelope<Data>(stream: StateStreamName, frame: { timestamp: string; data: Data }) {
  return { event_type: streams[stream].event, timestamp: frame.timestamp, data: frame.data };
}
