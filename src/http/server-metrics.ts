import type { Activities } from "../activities/activities.ts";
import type { Alerts } from "../alerts/alerts.ts";
import type { Backups } from "../backups/backups.ts";
import type { Clock } from "../clock.ts";
import { deploymentStatus, healthStatus, type SystemResources, severity } from "../contract/index.ts";
import type { Deployments } from "../deployments/deployments.ts";
import type { History } from "../history/history.ts";
import type { Realtime } from "../realtime/realtime.ts";
import type { Resources } from "../resources/sampler.ts";
import type { Store } from "../store/store.ts";
import { eventLoopLag } from "./event-loop-lag.ts";
import type { MetricSource, Reading } from "./metric-source.ts";

export interface ServerParts {
  readonly version: string;
  readonly store: Pick<Store, "bytes">;
  readonly activities: Pick<Activities, "log" | "index">;
  readonly alerts: Pick<Alerts, "list">;
  readonly backups: Pick<Backups, "list" | "last">;
  readonly deployments: Pick<Deployments, "status">;
  readonly history: Pick<History, "bytes">;
  readonly realtime: Pick<Realtime, "figures">;
  readonly resources: Pick<Resources, "latest" | "sample">;
  readonly clock: Clock;
}

/** More open incidents than a machine has things to go wrong. */
const MAX_ALERTS = 10_000;

/** What the server knows of itself, of the machine and of what runs on it, for Prometheus. */
export function serverMetrics(parts: ServerParts): MetricSource[] {
  return [
    {
      name: "llm_manager_build_info",
      help: "Always 1; the label says which version this is",
      labels: ["version"],
      read: () => [{ labels: { version: parts.version }, value: 1 }],
    },
    eventLoopLag(parts.clock),
    ...socketMetrics(parts.realtime),
    ...machineMetrics(parts.resources),
    ...deploymentMetrics(parts.deployments),
    {
      name: "llm_manager_alerts_firing",
      help: "Incidents that are open and not acknowledged",
      labels: ["severity"],
      read: () => {
        const { items } = parts.alerts.list({ state: "firing", limit: MAX_ALERTS });
        return counted("severity", severity.options, items, (alert) => alert.severity);
      },
    },
    ...storeMetrics(parts),
  ];
}

function socketMetrics(realtime: ServerParts["realtime"]): MetricSource[] {
  const byLabel = (name: string, values: Readonly<Record<string, number>>): Reading[] =>
    Object.entries(values).map(([key, value]) => ({ labels: { [name]: key }, value }));
  return [
    {
      name: "llm_manager_socket_clients",
      help: "Socket.IO clients connected now",
      labels: ["transport"],
      read: () => byLabel("transport", realtime.figures().clients),
    },
    {
      name: "llm_manager_stream_subscriptions",
      help: "Clients subscribed to a stream now",
      labels: ["stream"],
      read: () => byLabel("stream", realtime.figures().subscriptions),
    },
    {
      name: "llm_manager_socket_unsent_bytes",
      help: "What is waiting to be sent to Socket.IO clients, all together",
      read: () => realtime.figures().unsentBytes,
    },
    {
      name: "llm_manager_slow_clients_disconnected_total",
      help: "Socket.IO clients disconnected because they did not keep up",
      type: "counter",
      read: () => realtime.figures().slowDisconnected,
    },
  ];
}

function machineMetrics(resources: ServerParts["resources"]): MetricSource[] {
  const ratio = (percent: number | null) => (percent === null ? null : percent / 100);
  // One sample for all of them, taken when somebody asks and nobody else has lately.
  const of = (read: (data: SystemResources) => readonly Reading[]) => async () =>
    read((resources.latest() ?? (await resources.sample())).data);
  const one = (read: (data: SystemResources) => number | null | undefined) => of((data) => [{ value: read(data) }]);
  const each = (read: (device: SystemResources["gpu"]["devices"][number]) => number | null | undefined) =>
    of(({ gpu }) => gpu.devices.map((device) => ({ labels: { gpu: String(device.id) }, value: read(device) })));
  const gpu = ["gpu"];
  return [
    {
      name: "llm_manager_cpu_usage_ratio",
      help: "CPU in use, 0 to 1",
      read: one(({ cpu }) => ratio(cpu.usage_percent)),
    },
    {
      name: "llm_manager_memory_usage_ratio",
      help: "Memory in use, 0 to 1",
      read: one(({ memory }) => ratio(memory.usage_percent)),
    },
    {
      name: "llm_manager_disk_usage_ratio",
      help: "File system of the data directory in use, 0 to 1",
      read: one(({ disk }) => ratio(disk.usage_percent)),
    },
    {
      name: "llm_manager_network_receive_bytes_total",
      help: "Bytes the machine has received since it started, loopback left out",
      type: "counter",
      read: one(({ network }) => network.bytes_recv),
    },
    {
      name: "llm_manager_network_transmit_bytes_total",
      help: "Bytes the machine has sent since it started, loopback left out",
      type: "counter",
      read: one(({ network }) => network.bytes_sent),
    },
    {
      name: "llm_manager_gpu_usage_ratio",
      help: "GPU in use, 0 to 1",
      labels: gpu,
      read: each((device) => ratio(device.usage_percent)),
    },
    {
      name: "llm_manager_gpu_memory_usage_ratio",
      help: "GPU memory in use, 0 to 1",
      labels: gpu,
      read: each((device) => ratio(device.memory_usage_percent)),
    },
    {
      name: "llm_manager_gpu_temperature_celsius",
      help: "Temperature of the GPU",
      labels: gpu,
      read: each((device) => device.temperature),
    },
    {
      name: "llm_manager_gpu_power_watts",
      help: "Power the GPU draws",
      labels: gpu,
      read: each((device) => device.power_watts),
    },
  ];
}

function deploymentMetrics(deployments: ServerParts["deployments"]): MetricSource[] {
  return [
    {
      name: "llm_manager_deployments",
      help: "Deployments by what they are doing",
      labels: ["status"],
      read: () => counted("status", deploymentStatus.options, deployments.status().models, (entry) => entry.status),
    },
    {
      name: "llm_manager_running_deployments",
      help: "Running deployments by what their health checks say",
      labels: ["health"],
      read: () => {
        const running = deployments.status().models.filter((entry) => entry.status === "running");
        return counted("health", healthStatus.options, running, (entry) => entry.health_status);
      },
    },
    {
      name: "llm_manager_deployment_up",
      help: "1 while the deployment runs and is not unhealthy, else 0",
      labels: ["deployment_id", "model_id"],
      read: () =>
        deployments.status().models.map(({ deployment_id, model_id, status, health_status }) => ({
          labels: { deployment_id, model_id },
          value: Number(status === "running" && health_status !== "unhealthy"),
        })),
    },
  ];
}

function storeMetrics({ store, activities, backups, history }: ServerParts): MetricSource[] {
  const newest = async () => {
    const { last } = backups;
    if (last) return last;
    const [listed] = await backups.list();
    return listed && { at: Date.parse(listed.created_at), bytes: listed.size_bytes };
  };
  return [
    {
      name: "llm_manager_store_size_bytes",
      help: "Size of the database, its free pages included",
      read: () => store.bytes,
    },
    {
      name: "llm_manager_history_size_bytes",
      help: "About what recorded figures take of the database",
      read: () => history.bytes,
    },
    {
      name: "llm_manager_activities",
      help: "Activities kept",
      read: () => {
        const oldest = activities.log.oldest?.() ?? 0;
        return oldest === 0 ? 0 : activities.log.newest() - oldest + 1;
      },
    },
    {
      name: "llm_manager_search_index_pending",
      help: "Activities that are not in the search index yet",
      read: () => activities.index.behind,
    },
    {
      name: "llm_manager_last_backup_timestamp_seconds",
      help: "When the newest backup in the data directory was made, seconds since the epoch",
      read: async () => [{ value: secondsOf((await newest())?.at) }],
    },
    {
      name: "llm_manager_last_backup_size_bytes",
      help: "Size of the newest backup in the data directory",
      read: async () => [{ value: (await newest())?.bytes }],
    },
  ];
}

function secondsOf(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : ms / 1000;
}

/** How many of `items` there are of each kind, 0 for those of which there is none. */
function counted<Kind extends string, Item>(
  label: string,
  kinds: readonly Kind[],
  items: readonly Item[],
  kindOf: (item: Item) => Kind,
): Reading[] {
  const counts = new Map<Kind, number>(kinds.map((kind) => [kind, 0]));
  for (const item of items) counts.set(kindOf(item), (counts.get(kindOf(item)) ?? 0) + 1);
  return [...counts].map(([kind, value]) => ({ labels: { [label]: kind }, value }));
}
