import { eq, or } from "drizzle-orm";
import { deployments } from "../../db/schema.ts";
import { type Alert, idNumber } from "../contract/index.ts";
import type { DeploymentHealth } from "../store/bus.ts";
import type { Store } from "../store/store.ts";
import { endedContent, factSays } from "./content.ts";
import type { Monitor } from "./monitor.ts";
import { rules } from "./rules.ts";

/** What a deployment's row says that matters here. */
interface Row {
  readonly status: string;
  readonly name: string;
  readonly reason: string | null;
  readonly crashLoop: boolean;
}

/**
 * Makes an incident of each deployment that is unhealthy, and one of each that failed.
 *
 * Whatever is heard of a deployment only makes it be looked at: what should be open follows from its newest health and
 * from its row. So nothing depends on having heard every event, and what could not be written is simply done later.
 */
export class DeploymentWatch implements Disposable {
  readonly #store: Store;
  readonly #monitor: Monitor;
  /** The newest health of each deployment that is unhealthy, or well again and its incident still open. */
  readonly #health = new Map<string, DeploymentHealth>();
  /** Deployments whose incidents could not be closed as they should be. */
  readonly #unsettled = new Set<string>();
  readonly #subscriptions: readonly Disposable[];

  constructor(parts: { store: Store; monitor: Monitor }) {
    this.#store = parts.store;
    this.#monitor = parts.monitor;
    const { bus } = parts.store;
    this.#subscriptions = [
      bus.on("deployment_health", (health) => {
        // Not knowing is neither a failure nor a recovery.
        if (health.health === "unknown") this.#health.delete(health.deploymentId);
        else this.#health.set(health.deploymentId, health);
        this.#settle(health.deploymentId);
      }),
      // A failure is one also when its restart has begun by now.
      bus.on("deployment_events", ({ data }) => this.#settle(data.deployment_id, data.event === "deployment_failed")),
      bus.on("deployment_crash_loop", ({ deploymentId }) => this.#settle(deploymentId)),
      // Each removal is in the history. Of the health checks there, some are written here.
      bus.on("activity_stream", ({ data }) => {
        if (data.resource_type !== "deployment" || data.activity_type === "model_health_check") return;
        if (data.resource_id !== null) this.#settle(data.resource_id);
      }),
    ];
    // What failed, was stopped or was removed while nobody watched.
    const failed = parts.store.db
      .select({ id: deployments.id })
      .from(deployments)
      .where(or(eq(deployments.status, "failed"), eq(deployments.crashLoop, true)));
    const watched = [...parts.monitor.keysOf("model_unhealthy"), ...parts.monitor.keysOf("deployment_failed")];
    for (const id of new Set([...failed.all().map(({ id }) => `dep-${id}`), ...watched.map(idOf)])) this.#settle(id);
  }

  /** What was heard last is still so, and what could not be written is tried again. */
  tick(): void {
    for (const id of [...this.#unsettled]) this.#settle(id);
    for (const key of this.#monitor.keysOf("deployment_failed")) this.#monitor.again(key);
    for (const key of this.#monitor.keysOf("model_unhealthy")) this.#monitor.again(key);
    for (const [id, { health }] of this.#health) {
      if (health === "healthy" && !this.#monitor.watches(healthKey(id))) this.#health.delete(id);
    }
  }

  [Symbol.dispose](): void {
    for (const subscription of this.#subscriptions) subscription[Symbol.dispose]();
  }

  #settle(id: string, failed = false): void {
    const row = this.#rowOf(id);
    if (row === undefined || row.status === "stopped") {
      this.#health.delete(id);
      if (this.#end(id, row === undefined ? "removed" : "stopped")) this.#unsettled.delete(id);
      else this.#unsettled.add(id);
      return;
    }
    this.#unsettled.delete(id);
    this.#observeHealth(id);
    this.#observeStatus(id, row, failed || row.status === "failed");
  }

  #observeHealth(id: string): void {
    const health = this.#health.get(id);
    if (!health) return;
    const { name, failures, threshold, reason } = health;
    const key = healthKey(id);
    const unhealthy = health.health === "unhealthy";
    if (!unhealthy && !this.#monitor.watches(key)) {
      this.#health.delete(id);
      return;
    }
    const checks = failures === 1 ? "a health check" : `${failures} health checks in a row`;
    this.#monitor.observe({
      key,
      rule: "model_unhealthy",
      value: unhealthy ? 1 : 0,
      says: factSays(rules.model_unhealthy, {
        resource: { type: "deployment", id, current_value: failures, threshold, unit: "failures" },
        title: "Model Health Check Failed",
        message: `Model ${name} failed ${checks}${reason === null ? "" : `: ${reason}`}`,
        overTitle: "Model Health Check Passed",
        overMessage: `Model ${name} is healthy again`,
      }),
    });
  }

  /** On its way it is neither failed nor well. */
  #observeStatus(id: string, { status, name, reason, crashLoop }: Row, failed: boolean): void {
    const key = failureKey(id);
    const value = crashLoop ? 2 : failed ? 1 : 0;
    if (value === 0 && (status !== "running" || !this.#monitor.watches(key))) return;
    const what = crashLoop ? "keeps failing and is restarted later each time" : "failed";
    this.#monitor.observe({
      key,
      rule: "deployment_failed",
      value,
      says: factSays(rules.deployment_failed, {
        resource: { type: "deployment", id, current_value: value, threshold: crashLoop ? 2 : 1, unit: "" },
        title: crashLoop ? "Deployment Keeps Failing" : "Deployment Failed",
        message: `Deployment ${id} of model ${name} ${what}${reason === null ? "" : `: ${reason}`}`,
        overTitle: "Deployment Runs Again",
        overMessage: `Deployment ${id} of model ${name} runs again`,
      }),
    });
  }

  /** False when that could not be written. */
  #end(id: string, how: "removed" | "stopped"): boolean {
    const title = how === "removed" ? "Model Deployment Removed" : "Model Deployment Stopped";
    const says = (alert: Alert) => endedContent(alert, title, `Deployment ${id} was ${how}`);
    const reason = how === "removed" ? "missing" : "stopped";
    const ended = [healthKey(id), failureKey(id)].map((key) => this.#monitor.end(key, reason, says));
    return ended.every(Boolean);
  }

  #rowOf(id: string): Row | undefined {
    return this.#store.db
      .select({
        status: deployments.status,
        name: deployments.name,
        reason: deployments.reason,
        crashLoop: deployments.crashLoop,
      })
      .from(deployments)
      .where(eq(deployments.id, idNumber("dep-", id) ?? 0))
      .get();
  }
}

function healthKey(id: string): string {
  return `deployment:${id}`;
}

function failureKey(id: string): string {
  return `deployment:${id}:failure`;
}

/** The deployment a key is about. */
function idOf(key: string): string {
  return key.split(":")[1] ?? "";
}
