import { type Clock, every } from "../clock.ts";
import { type ModelStatus, type ModelStatusEntry, streams } from "../contract/index.ts";
import type { Resources } from "../resources/sampler.ts";
import type { History } from "./history.ts";
import { resourceValues } from "./metrics.ts";
import type { ProbeTimes } from "./probe-times.ts";

/** The source under which the machine's own figures are kept; the others are deployments. */
export const RESOURCES = "resources";

export interface RecorderParts {
  readonly history: History;
  readonly resources: Pick<Resources, "watch">;
  readonly modelStatus: () => ModelStatus;
  readonly probeTimes: Pick<ProbeTimes, "take">;
  readonly clock: Clock;
  readonly onError: (error: unknown) => void;
}

/** Has the machine sampled, and the deployments looked at, as long as it is not disposed. */
export function record(parts: RecorderParts): Disposable {
  const { history, clock } = parts;
  const stack = new DisposableStack();
  if (!history.recording) return stack;
  stack.use(
    parts.resources.watch(({ data }) =>
      history.record(RESOURCES, streams.system_resources.intervalMs, resourceValues(data)),
    ),
  );
  const { intervalMs } = streams.model_status;
  const look = () => {
    const latencyOf = parts.probeTimes.take();
    for (const entry of parts.modelStatus().models) {
      history.record(entry.deployment_id, intervalMs, deploymentValues(entry, latencyOf(entry)));
    }
  };
  stack.use(every(clock, intervalMs, look, parts.onError));
  return stack;
}

/**
 * `up`: 1 while it runs, 0 while it should and does not; nothing while nobody wants it to. `healthy`: 1 or 0 as the
 * probes have it. Averages of both are shares of time. `latency`: what a probe took, in milliseconds. And what the
 * engine says of itself, where it does.
 */
export function deploymentValues(
  { status, health_status: health, metrics }: ModelStatusEntry,
  latency: number | null,
): Record<string, number | null> {
  const up = status === "running" ? 1 : status === "stopped" ? null : 0;
  const judged = up === 1 && health !== "unknown";
  return {
    up,
    healthy: judged ? Number(health === "healthy") : null,
    latency: up === 1 ? latency : null,
    ...(metrics && {
      "engine.requests_running": metrics.requests_running,
      "engine.requests_waiting": metrics.requests_waiting,
      "engine.prompt_tokens_per_second": metrics.prompt_tokens_per_second,
      "engine.generation_tokens_per_second": metrics.generation_tokens_per_second,
      "engine.cache_usage": metrics.cache_usage_percent,
    }),
  };
}
