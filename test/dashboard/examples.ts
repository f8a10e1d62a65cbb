import type {
  Activity,
  Alert,
  Deployment,
  DeploymentEvent,
  ModelStatusEntry,
  SystemResourcesUpdate,
} from "../../src/contract/index.ts";

const MORNING = "2025-01-01T12:00:00.000Z";

/** Valid data to vary from: a test names what it is about and takes the rest from here. */
export function activity(number: number, varied: Partial<Activity> = {}): Activity {
  return {
    id: `act-${number}`,
    activity_type: "user_operation",
    message: `Activity ${number}`,
    severity: "info",
    resource_type: null,
    resource_id: null,
    created_at: MORNING,
    extra_data: {},
    ...varied,
  };
}

export function alert(number: number, varied: Partial<Alert> = {}): Alert {
  return {
    alert_id: `alert_${number}`,
    type: "memory_threshold",
    category: "resource_threshold",
    severity: "warning",
    title: "High memory usage",
    message: "Memory usage reached 85.2%",
    resource: { type: "memory", current_value: 85.2, threshold: 80, unit: "%" },
    actions: ["check_processes"],
    auto_resolve: true,
    state: "firing",
    created_at: MORNING,
    updated_at: MORNING,
    resolved_at: null,
    ...varied,
  };
}

export function statusEntry(number: number, varied: Partial<ModelStatusEntry> = {}): ModelStatusEntry {
  return {
    deployment_id: `dep-${number}`,
    model_id: "llama2-7b",
    name: `Deployment ${number}`,
    status: "running",
    health_status: "healthy",
    uptime_seconds: 3600,
    port: 8000 + number,
    host: "localhost",
    model_source: "huggingface",
    cpu_cores: null,
    memory_limit: null,
    created_at: MORNING,
    deployed_at: MORNING,
    runtime: "external",
    ...varied,
  };
}

export function deployment(number: number, varied: Partial<Deployment> = {}): Deployment {
  return {
    ...statusEntry(number),
    runtime: "external",
    gpus: null,
    context_length: null,
    pid: null,
    container_id: null,
    warnings: [],
    progress: null,
    restart_policy: "never",
    restart_count: 0,
    crash_loop: false,
    next_restart_at: null,
    metrics: null,
    estimated_completion: null,
    args: [],
    env: {},
    health: {
      scheme: "http",
      path: null,
      interval_seconds: 5,
      timeout_seconds: 5,
      healthy_threshold: 1,
      unhealthy_threshold: 3,
      start_timeout_seconds: 120,
      start_period_seconds: 0,
      restart_on_unhealthy: false,
      generation_path: null,
      generation_interval_seconds: 60,
      generation_timeout_seconds: 30,
      metrics_path: null,
    },
    reason: null,
    failure: null,
    updated_at: MORNING,
    ...varied,
  };
}

export function deploymentEvent(number: number, varied: Partial<DeploymentEvent> = {}): DeploymentEvent {
  return {
    deployment_id: `dep-${number}`,
    model_id: "llama2-7b",
    event: "deployment_completed",
    status: "running",
    message: "It runs",
    details: { name: `Deployment ${number}`, model_source: "huggingface", port: 8000 + number },
    event_id: "evt-1",
    created_at: MORNING,
    ...varied,
  };
}

/** A sample of a machine without GPU, `seconds` after noon. */
export function sample(seconds: number, cpuPercent: number | null): SystemResourcesUpdate {
  return {
    event_type: "system_resources_update",
    timestamp: new Date(Date.parse(MORNING) + seconds * 1000).toISOString(),
    data: {
      cpu: { usage_percent: cpuPercent, cores: 8, frequency: 3200, status: "normal" },
      memory: { usage_percent: 67.8, total_gb: 16, available_gb: 5.2, status: "normal" },
      disk: { usage_percent: 78.5, total_gb: 500, free_gb: 107.5, status: "high" },
      gpu: { available: false, device_count: 0, devices: [] },
      network: { bytes_sent: 1, bytes_recv: 2, packets_sent: 3, packets_recv: 4 },
    },
  };
}
