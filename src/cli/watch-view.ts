import type { ClientState } from "../client/connection.ts";
import type { ModelStatusEntry } from "../contract/deployments.ts";
import { clockTime, endpoint, healthFormat, severityFormat, statusFormat, uptime } from "./format.ts";
import { resourceLines } from "./resources-view.ts";
import { type Column, table } from "./table.ts";
import { cut, displayWidth, fit, type Paint, plain } from "./text.ts";
import type { WatchState } from "./watch-state.ts";

/** Part of the height that deployments may take, and alerts of what they leave; activities get the rest. */
const DEPLOYMENTS_SHARE = 0.6;
const ALERTS_SHARE = 0.5;

/** Height that deployments and alerts have at least: titles, one of them, how many more there are, and a gap. */
const LEAST_ROWS = 5;

const SEVERITY_WIDTH = "critical".length;

const connections: Readonly<Record<ClientState, readonly [text: string, format: Parameters<Paint>[0]]>> = {
  connecting: ["○ connecting", "yellow"],
  connected: ["● connected", "green"],
  reconnecting: ["○ reconnecting", "yellow"],
  unauthorized: ["✕ not permitted", "red"],
  closed: ["○ closed", "dim"],
};

/** The whole picture, at most `columns` wide and `rows` high. What does not fit is counted, not silently left out. */
export function watchLines(state: WatchState, url: string, columns: number, rows: number, paint: Paint): string[] {
  const head = [header(state, url, columns, paint), ""];
  const resources = state.resources ? [...resourceLines(state.resources, columns, paint), ""] : [];
  const room = Math.max(0, rows - head.length - resources.length);
  const deployments = deploymentLines(
    state,
    Math.max(LEAST_ROWS, Math.floor(room * DEPLOYMENTS_SHARE)),
    columns,
    paint,
  );
  const beside = Math.max(0, room - deployments.length);
  const alerts = alertLines(state, Math.max(LEAST_ROWS, Math.floor(beside * ALERTS_SHARE)), columns, paint);
  const left = Math.max(0, room - deployments.length - alerts.length);
  const activities = activityLines(state, left, columns, paint);
  return [...head, ...resources, ...deployments, ...alerts, ...activities].slice(0, rows);
}

function header(state: WatchState, url: string, columns: number, paint: Paint): string {
  const [text, format] = connections[state.connection];
  const notice = state.notice === undefined ? "" : `  ${plain(state.notice)}`;
  const time = state.updated === undefined ? "" : clockTime(state.updated);
  const place = cut(url, Math.max(0, columns - "llm-manager".length - text.length - time.length - 6));
  const taken = "llm-manager".length + displayWidth(place) + displayWidth(text) + 4;
  const rest = fit(notice, Math.max(0, columns - taken - time.length - 1));
  return `${paint("bold", "llm-manager")}  ${place}  ${paint(format, text)}${paint("dim", rest)} ${paint("dim", time)}`;
}

const deploymentColumns: readonly Column<ModelStatusEntry>[] = [
  { title: "ID", value: ({ deployment_id }) => deployment_id },
  { title: "NAME", value: ({ name }) => name, shrinks: true },
  { title: "MODEL", value: ({ model_id }) => model_id, shrinks: true },
  { title: "STATUS", value: ({ status }) => status, paint: ({ status }) => statusFormat[status] },
  { title: "HEALTH", value: ({ health_status }) => health_status, paint: (row) => healthFormat[row.health_status] },
  { title: "UPTIME", value: uptime },
  { title: "ENDPOINT", value: endpoint, shrinks: true },
];

function deploymentLines({ models }: WatchState, room: number, columns: number, paint: Paint): string[] {
  if (!models) return [];
  const { total_models, running_models, failed_models } = models;
  const counts = `${total_models} in all, ${running_models} running, ${failed_models} failed`;
  const title = `${paint("bold", "Deployments")}  ${paint("dim", counts)}`;
  if (models.models.length === 0) {
    return [title, paint("dim", cut("none; see: llm-manager deployments create --help", columns)), ""];
  }
  // Its two lines of titles and the gap.
  const { shown, more } = capped(models.models, room - 3, paint);
  return [title, ...table(shown, deploymentColumns, columns, paint), ...more, ""];
}

function alertLines({ alerts }: WatchState, room: number, columns: number, paint: Paint): string[] {
  if (alerts.size === 0) return [];
  // Newest first, under a title and above a gap.
  const { shown, more } = capped([...alerts.values()].reverse(), room - 2, paint);
  const lines = shown.map(({ severity, message, state }) => {
    const text = state === "acknowledged" ? `${plain(message)} (acknowledged)` : plain(message);
    return `${paint(severityFormat[severity], severity.padEnd(SEVERITY_WIDTH))} ${cut(text, columns - SEVERITY_WIDTH - 1)}`;
  });
  return [`${paint("bold", "Alerts")}  ${paint("dim", `${alerts.size} open`)}`, ...lines, ...more, ""];
}

/** The first of `items`, with a line that counts the others where they do not all fit into `room` lines. */
function capped<Item>(items: readonly Item[], room: number, paint: Paint): { shown: readonly Item[]; more: string[] } {
  if (items.length <= room) return { shown: items, more: [] };
  const shown = items.slice(0, Math.max(1, room - 1));
  return { shown, more: [paint("dim", `… and ${items.length - shown.length} more`)] };
}

function activityLines({ activities }: WatchState, room: number, columns: number, paint: Paint): string[] {
  const count = room - 1;
  if (count < 1 || activities.length === 0) return [];
  const lines = activities.slice(-count).map(({ created_at, severity, message }) => {
    const time = clockTime(created_at);
    const text = cut(plain(message), columns - time.length - SEVERITY_WIDTH - 2);
    return `${paint("dim", time)} ${paint(severityFormat[severity], severity.padEnd(SEVERITY_WIDTH))} ${text}`;
  });
  return [paint("bold", "Activity"), ...lines];
}
