import { z } from "@hono/zod-openapi";
import { bytesOf } from "./byte-size.ts";
import { modelSource } from "./models.ts";
import { deploymentEventId, deploymentId, modelId, timestamp } from "./primitives.ts";

export const deploymentStatus = z.enum(["pending", "deploying", "running", "stopped", "failed"]);
export type DeploymentStatus = z.infer<typeof deploymentStatus>;

export const healthStatus = z.enum(["healthy", "unhealthy", "unknown"]);
export type HealthStatus = z.infer<typeof healthStatus>;

export const deploymentEventType = z.enum([
  "deployment_started",
  "deployment_completed",
  "deployment_failed",
  "deployment_stopped",
  "deployment_restarted",
]);
export type DeploymentEventType = z.infer<typeof deploymentEventType>;

const host = z
  .string()
  .min(1)
  .max(253)
  .regex(/^[A-Za-z0-9._:-]+$/, "must be a host name or an IP address, without scheme, port or path")
  .openapi({ example: "localhost" });
const port = z.number().int().min(1).max(65535);
const memoryLimit = z
  .string()
  .regex(/^[1-9][0-9]*(?:\.[0-9]+)?(?:B|KB|MB|GB|TB)$/, "must be a size such as 512MB or 8GB")
  .refine((text) => (bytesOf(text) ?? 0) <= 2 ** 50, { error: "must be at most 1024TB" })
  .openapi({ example: "8GB" });

/** Indices of the GPUs a deployment may use, as the machine numbers them; empty for none. */
const gpus = z
  .array(z.number().int().min(0).max(1023))
  .max(64)
  .refine((indices) => new Set(indices).size === indices.length, "must name each GPU once");
/** Tokens to make room for; null leaves that to the engine. */
const contextLength = z.number().int().positive().max(1_000_000_000);

/** Whether a deployment that ends without being asked to is started again: `on-failure` unless it exits with 0. */
export const restartPolicy = z.enum(["always", "on-failure", "never"]).openapi("RestartPolicy");
export type RestartPolicy = z.infer<typeof restartPolicy>;

/** Restarts by the policy since a user last started or stopped it. */
const restartCount = z.number().int().nonnegative();
/** It failed five times within ten minutes, and has not been running for five minutes since. */
const crashLoop = z.boolean();
/** When the policy starts it again, while that is pending. */
const nextRestartAt = timestamp.nullable();

const path = z.string().max(2048).regex(/^\//, "must begin with /");

/** What an engine says it is doing. Null for what it does not tell; rates need two looks. */
export const engineMetrics = z
  .object({
    engine: z.enum(["llama.cpp", "vllm", "sglang", "tgi"]),
    requests_running: z.number().nonnegative().nullable(),
    requests_waiting: z.number().nonnegative().nullable(),
    /** Tokens read and tokens generated, over all requests, since the look before. */
    prompt_tokens_per_second: z.number().nonnegative().nullable(),
    generation_tokens_per_second: z.number().nonnegative().nullable(),
    /** Since the engine started. */
    prompt_tokens_total: z.number().nonnegative().nullable(),
    generation_tokens_total: z.number().nonnegative().nullable(),
    /** Of the fullest cache, where an engine has several. */
    cache_usage_percent: z.number().nonnegative().nullable(),
    sampled_at: timestamp,
  })
  .openapi("EngineMetrics");
export type EngineMetrics = z.infer<typeof engineMetrics>;

/** What a start is at, where it is known: `pulling the image vllm/vllm-openai`, `loading the model`, and how far that is. */
const startProgress = z.object({ step: z.string(), percent: z.int().min(0).max(100).nullable() });

/** How an endpoint is asked whether it is alive. Defaults: every 5 s, 5 s to answer, 3 failures make it unhealthy. */
export const healthCheck = z
  .strictObject({
    scheme: z.enum(["http", "https"]).default("http"),
    /** Path to GET. Null tries `/health`, `/v1/models` and `/` in turn and keeps the first that is not a 404. */
    path: path.nullable().default(null),
    interval_seconds: z.number().min(1).max(3600).default(5),
    timeout_seconds: z.number().min(0.1).max(60).default(5),
    /** Successes in a row until an unhealthy endpoint counts as healthy again. */
    healthy_threshold: z.number().int().min(1).max(100).default(1),
    /** Failures in a row until a healthy endpoint counts as unhealthy. */
    unhealthy_threshold: z.number().int().min(1).max(100).default(3),
    /**
     * A start without any sign of progress for this long has failed: no line of log, nothing read, no memory grown. A model
     * whose size is known has a second more for every 200 MB of it.
     */
    start_timeout_seconds: z.number().min(1).max(1800).default(120),
    /** Failures this soon after it became ready do not count: some engines are slow while they warm up. */
    start_period_seconds: z.number().min(0).max(3600).default(0),
    /** Whether an unhealthy deployment has failed, so that its restart policy applies. */
    restart_on_unhealthy: z.boolean().default(false),
    /**
     * OpenAI-compatible path, such as `/v1/completions` or `/v1/chat/completions`, where one token is asked for to find
     * an engine that hangs and still answers its health check. Null takes the runtime's; `external` has none.
     */
    generation_path: path.nullable().default(null),
    /** So long without tokens until one is asked for; 0 never asks. */
    generation_interval_seconds: z.number().min(0).max(3600).default(60),
    generation_timeout_seconds: z.number().min(1).max(300).default(30),
    /** Path of the engine's Prometheus metrics. Null takes the runtime's; `external` has none. */
    metrics_path: path.nullable().default(null),
  })
  .openapi("HealthCheck");
export type HealthCheck = z.infer<typeof healthCheck>;

/** What kind of thing ended a run, for programs; `reason` and `hint` are for people. */
export const failureClass = z.enum([
  "gpu_memory",
  "memory",
  "port_in_use",
  "missing_file",
  "model_invalid",
  "unknown_architecture",
  "gpu_missing",
  "missing_library",
  "bad_argument",
  "permission",
  "start_timeout",
  /** SIGKILL from nobody knows where; the kernel does that when the machine is out of memory. */
  "killed",
  /** It ended, and nothing says why. */
  "crashed",
  "other",
]);
export type FailureClass = z.infer<typeof failureClass>;

/** How a deployment failed last. */
export const failure = z
  .object({
    class: failureClass,
    reason: z.string(),
    hint: z.string().nullable(),
    exit_code: z.number().int().nullable(),
    /** `SIGKILL`, …, when a signal ended it. */
    signal: z.string().nullable(),
    /** The last lines it wrote, oldest first; empty for callers without `read:logs`. */
    last_lines: z.array(z.string()),
    failed_at: timestamp,
  })
  .openapi("DeploymentFailure");
export type Failure = z.infer<typeof failure>;

export const deployment = z
  .object({
    deployment_id: deploymentId,
    model_id: modelId,
    name: z.string(),
    runtime: z.string(),
    status: deploymentStatus,
    health_status: healthStatus,
    /** Seconds since the deployment became ready; 0 when it is not running. */
    uptime_seconds: z.number().int().nonnegative(),
    host: z.string(),
    port: port.nullable(),
    model_source: modelSource,
    cpu_cores: z.number().positive().nullable(),
    memory_limit: z.string().nullable(),
    gpus: gpus.nullable(),
    context_length: contextLength.nullable(),
    args: z.array(z.string()),
    env: z.record(z.string(), z.string()),
    health: healthCheck,
    /** Why the last start or run ended or is in trouble; null when nothing is wrong. */
    reason: z.string().nullable(),
    /** How it failed last; stays until a start succeeds or a user starts, restarts or stops it. */
    failure: failure.nullable(),
    /** The engine's process on this machine, while there is one. */
    pid: z.number().int().positive().nullable(),
    /** The engine's container, while there is one. */
    container_id: z.string().nullable(),
    /** What was asked for and cannot be had on this machine, such as memory that is not free, or a limit that nothing enforces. */
    warnings: z.array(z.string()),
    progress: startProgress.nullable(),
    /** When a start will be over, from this model's past starts and how far this one is; null when neither is known. */
    estimated_completion: timestamp.nullable(),
    restart_policy: restartPolicy,
    restart_count: restartCount,
    crash_loop: crashLoop,
    next_restart_at: nextRestartAt,
    /** Null when it is not running or its engine tells none. */
    metrics: engineMetrics.nullable(),
    created_at: timestamp,
    updated_at: timestamp,
    deployed_at: timestamp.nullable(),
  })
  .openapi("Deployment");
export type Deployment = z.infer<typeof deployment>;

export const createDeployment = z
  .strictObject({
    model_id: modelId,
    /** One of `GET /api/v1/runtimes`. */
    runtime: z.string().min(1).max(64),
    /** Shown to people; the model's name when left out. */
    name: z.string().trim().min(1).max(200).optional(),
    host: host.default("localhost"),
    /** A free one is chosen when it is left out, and stays the deployment's; an `external` one needs it. */
    port: port.optional(),
    cpu_cores: z.number().positive().max(4096).nullable().default(null),
    memory_limit: memoryLimit.nullable().default(null),
    gpus: gpus.nullable().default(null),
    context_length: contextLength.nullable().default(null),
    /** Options for the engine, behind those of the runtime: only such as the runtime allows. */
    args: z.array(z.string().max(4096)).max(128).default([]),
    env: z
      .record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/), z.string().max(32_768))
      .refine((env) => Object.keys(env).length <= 128, "must have at most 128 variables")
      .default({}),
    health: healthCheck.prefault({}),
    /** The runtime's when left out. */
    restart_policy: restartPolicy.optional(),
    /** Starts it even if its model is bigger than all memory of the machine, which is refused otherwise (`does_not_fit`). */
    force: z.boolean().default(false),
  })
  .openapi("CreateDeployment");
export type CreateDeployment = z.infer<typeof createDeployment>;

/** One entry of `model_status_update`. */
export const modelStatusEntry = z.object({
  deployment_id: deploymentId,
  model_id: modelId,
  name: z.string(),
  status: deploymentStatus,
  health_status: healthStatus,
  uptime_seconds: z.number().int().nonnegative(),
  port: port.nullable(),
  host: z.string(),
  model_source: modelSource,
  cpu_cores: z.number().positive().nullable(),
  memory_limit: z.string().nullable(),
  created_at: timestamp,
  deployed_at: timestamp.nullable(),
  runtime: z.string().optional(),
  restart_count: restartCount.optional(),
  crash_loop: crashLoop.optional(),
  next_restart_at: nextRestartAt.optional(),
  metrics: engineMetrics.nullable().optional(),
  progress: startProgress.nullable().optional(),
  estimated_completion: timestamp.nullable().optional(),
});
export type ModelStatusEntry = z.infer<typeof modelStatusEntry>;

export const modelStatus = z
  .object({
    total_models: z.number().int().nonnegative(),
    running_models: z.number().int().nonnegative(),
    failed_models: z.number().int().nonnegative(),
    models: z.array(modelStatusEntry),
  })
  .openapi("ModelStatus");
export type ModelStatus = z.infer<typeof modelStatus>;

export const deploymentEvent = z
  .object({
    deployment_id: deploymentId,
    model_id: modelId,
    event: deploymentEventType,
    status: deploymentStatus,
    message: z.string(),
    details: z.object({
      name: z.string(),
      model_source: modelSource,
      port: port.nullable(),
      /** Only for containers. */
      container_id: z.string().optional(),
      /** Median of this model's own past start times; absent without history. */
      estimated_completion: timestamp.optional(),
      /** Why it failed or stopped, and what to do about it. */
      reason: z.string().optional(),
      hint: z.string().optional(),
    }),
    /** Numbers this event in its stream; what `after` takes. */
    event_id: deploymentEventId,
    created_at: timestamp,
  })
  .openapi("DeploymentEvent");
export type DeploymentEvent = z.infer<typeof deploymentEvent>;

export const runtime = z
  .object({
    name: z.string(),
    driver: z.string(),
    description: z.string(),
    /** Whether a deployment of it can start on this machine now. */
    available: z.boolean(),
    /** Why not, when it is not available. */
    reason: z.string().nullable(),
    /** Which engine it runs, which says what its metrics mean. */
    engine: z.string(),
    /** What `args` of a deployment may hold: `--switch`, `--option=` for one with a value, `*` for anything. */
    allowed_args: z.array(z.string()),
    /** What `env` of a deployment may set: `NAME`, `PREFIX_*`, `*` for anything that loads no code. */
    allowed_env: z.array(z.string()),
  })
  .openapi("Runtime");
export type Runtime = z.infer<typeof runtime>;
