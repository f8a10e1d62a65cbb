import { type EventStreamName, eventStreamName } from "../contract/index.ts";

/** `seq` of the last event sent in each event stream. */
export type Offset = Readonly<Record<EventStreamName, number>>;

const letters = {
  activity_stream: "a",
  system_alerts: "l",
  deployment_events: "d",
} as const satisfies Record<EventStreamName, string>;

/** `a456.l3.d12`: what `recovery_offset` carries and a reconnecting client sends back. */
export function formatOffset(offset: Offset): string {
  return eventStreamName.options.map((stream) => `${letters[stream]}${offset[stream]}`).join(".");
}

/** The offset in `text`, or undefined when a client made it up. */
export function parseOffset(text: string): Offset | undefined {
  const parts = text.split(".");
  if (parts.length !== eventStreamName.options.length) return undefined;
  const numbers = eventStreamName.options.map((stream, index) => {
    const match = /^([a-z])([0-9]{1,15})$/.exec(parts[index] ?? "");
    return match?.[1] === letters[stream] ? Number(match[2]) : undefined;
  });
  const [activities, alerts, deployments] = numbers;
  if (activities === undefined || alerts === undefined || deployments === undefined) return undefined;
  return { activity_stream: activities, system_alerts: alerts, deployment_events: deployments };
}
