import type { DeploymentStatus, HealthStatus } from "../contract/deployments.ts";
import type { Level, Severity } from "../contract/primitives.ts";
import { NOTHING, type Paint } from "./text.ts";

type Format = Parameters<Paint>[0];

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Seconds as the two largest units: `42s`, `3m 5s`, `2h 10m`, `4d 3h`. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < MINUTE) return `${whole}s`;
  if (whole < HOUR) return `${Math.floor(whole / MINUTE)}m ${whole % MINUTE}s`;
  if (whole < DAY) return `${Math.floor(whole / HOUR)}h ${Math.floor((whole % HOUR) / MINUTE)}m`;
  return `${Math.floor(whole / DAY)}d ${Math.floor((whole % DAY) / HOUR)}h`;
}

/** How long ago an ISO 8601 time was, in its largest unit: `5m ago`. */
export function ago(time: string, now: number): string {
  const seconds = Math.max(0, Math.floor((now - Date.parse(time)) / 1000));
  return `${duration(seconds).split(" ", 1)[0]} ago`;
}

/** An ISO 8601 time as this machine's clock shows it: `14:03:09`. */
export function clockTime(time: string): string {
  return new Date(time).toLocaleTimeString("en-GB");
}

/** Bytes in units of 1024: `1.5 GB`. */
export function bytes(count: number): string {
  const units = ["B", "KB", "MB", "GB", "TB", "PB"];
  let value = count;
  let unit = 0;
  // 999.95 would be shown as 1000.0.
  while (value >= 999.95 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? value.toFixed(0) : value.toFixed(1)} ${units[unit]}`;
}

/** A number with a unit, or a dash where the machine does not report it. */
export function measured(value: number | null | undefined, unit: string): string {
  return value === null || value === undefined ? NOTHING : `${value}${unit}`;
}

/** The number in `act-456`: its place in the activity stream, and what orders activities. */
export function activityNumber({ id }: { readonly id: string }): number {
  return Number(id.slice(id.indexOf("-") + 1));
}

/** How long a deployment has been running, if it is. */
export function uptime(deployment: { readonly status: DeploymentStatus; readonly uptime_seconds: number }): string {
  return deployment.status === "running" ? duration(deployment.uptime_seconds) : NOTHING;
}

/** Where a deployment answers. */
export function endpoint(deployment: { readonly host: string; readonly port: number | null }): string {
  const host = deployment.host.includes(":") ? `[${deployment.host}]` : deployment.host;
  return deployment.port === null ? host : `${host}:${deployment.port}`;
}

export const statusFormat: Readonly<Record<DeploymentStatus, Format>> = {
  pending: "yellow",
  deploying: "yellow",
  running: "green",
  stopped: "dim",
  failed: "red",
};

export const healthFormat: Readonly<Record<HealthStatus, Format>> = {
  healthy: "green",
  unhealthy: "red",
  unknown: "dim",
};

export const severityFormat: Readonly<Record<Severity, Format>> = {
  info: "cyan",
  warning: "yellow",
  error: "red",
  critical: ["bold", "red"],
};

export const levelFormat: Readonly<Record<Level, Format>> = {
  normal: "green",
  high: "yellow",
  warning: ["bold", "yellow"],
  critical: ["bold", "red"],
};
