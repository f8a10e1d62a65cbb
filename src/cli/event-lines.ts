import type { StreamEvents } from "../client/streams.ts";
import type { Activity } from "../contract/activities.ts";
import type { StreamName } from "../contract/streams.ts";
import { measured, severityFormat, statusFormat } from "./format.ts";
import { NOTHING, type Paint, plain } from "./text.ts";
import { streamTitles } from "./words.ts";

const TITLE_WIDTH = Math.max(...Object.values(streamTitles).map((title) => title.length));
const SEVERITY_WIDTH = "critical".length;

/** What follows the time and the stream's name in an event's line. */
const texts: { readonly [Stream in StreamName]: (event: StreamEvents[Stream], paint: Paint) => string } = {
  system_resources: ({ data: { cpu, memory, disk, gpu } }) =>
    [
      `cpu ${measured(cpu.usage_percent, "%")}`,
      `memory ${measured(memory.usage_percent, "%")}`,
      `disk ${measured(disk.usage_percent, "%")}`,
      ...gpu.devices.map(({ id, usage_percent }) => `gpu ${id} ${measured(usage_percent, "%")}`),
    ].join("  "),
  model_status: ({ data }) =>
    `${data.total_models} deployments, ${data.running_models} running, ${data.failed_models} failed`,
  activity_stream: ({ data }, paint) => activityText(data, paint),
  system_alerts: ({ data }, paint) =>
    `${severityText(data.severity, paint)} ${data.state}: ${plain(data.message)} (${data.alert_id})`,
  deployment_events: ({ data }, paint) =>
    `${data.deployment_id} is ${paint(statusFormat[data.status], data.status)}: ${plain(data.message)}`,
};

/** One event as one line: its time, its stream, and what happened. */
export function eventLine<Stream extends StreamName>(
  stream: Stream,
  event: StreamEvents[Stream],
  paint: Paint,
): string {
  const title = paint("dim", streamTitles[stream].padEnd(TITLE_WIDTH));
  return `${paint("dim", event.timestamp)} ${title} ${texts[stream](event, paint)}`;
}

/** One activity as one line, with its time. */
export function activityLine(activity: Activity, paint: Paint): string {
  return `${paint("dim", activity.created_at)} ${activityText(activity, paint)}`;
}

function activityText(activity: Activity, paint: Paint): string {
  const about = activity.resource_id === null ? "" : `, ${plain(activity.resource_id)}`;
  const source = paint("dim", `(${activity.id}${about})`);
  return `${severityText(activity.severity, paint)} ${plain(activity.message) || NOTHING} ${source}`;
}

function severityText(severity: Activity["severity"], paint: Paint): string {
  return paint(severityFormat[severity], severity.padEnd(SEVERITY_WIDTH));
}
