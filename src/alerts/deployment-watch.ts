import { eq } from "drizzle-orm";
import { deployments } from "../../db/schema.ts";
import { type Alert, idNumber } from "../contract/index.ts";
import type { DeploymentHealth } from "../store/bus.ts";
import type { Store } from "../store/store.ts";
import { endedContent, unhealthyContent } from "./content.ts";
import type { Incidents } from "./incidents.ts";

/**
 * Makes one incident of each deployment that is unhealthy.
 *
 * Whatever is heard of a deployment only makes it be looked at: what should be open follows from its newest health and
 * from its row. So nothing depends on having heard every event, and what could not be written is simply done later.
 */
export class DeploymentWatch implements Disposable {
  readonly #store: Store;
  readonly #incidents: Incidents;
  /** The newest health of each deployment that is unhealthy, or well again and its incident still open. */
  readonly #health = new Map<string, DeploymentHealth>();
  /** Deployments whose incident could not be written as it should be. */
  readonly #unsettled = new Set<string>();
  readonly #subscriptions: readonly Disposable[];

  constructor(parts: { store: Store; incidents: Incidents }) {
    this.#store = parts.store;
    this.#incidents = parts.incidents;
    const { bus } = parts.store;
    this.#subscriptions = [
      bus.on("deployment_health", (health) => {
        // Not knowing is neither a failure nor a recovery.
        if (health.health === "unknown") this.#health.delete(health.deploymentId);
        else this.#health.set(health.deploymentId, health);
        this.#settle(health.deploymentId);
      }),
      // Each stop and each removal is in the history. Of the health checks there, some are written here.
      bus.on("activity_stream", ({ data }) => {
        if (data.resource_type !== "deployment" || data.activity_type === "model_health_check") return;
        if (data.resource_id !== null) this.#settle(data.resource_id);
      }),
    ];
    // What was stopped or removed while nobody watched.
    for (const [, { alert }] of parts.incidents.of("model_health")) this.#settle(alert.resource.id ?? "");
  }

  /** Tries again what could not be written. */
  retry(): void {
    for (const id of [...this.#unsettled]) this.#settle(id);
  }

  [Symbol.dispose](): void {
    for (const subscription of this.#subscriptions) subscription[Symbol.dispose]();
  }

  #settle(id: string): void {
    if (!this.#ensure(id)) {
      this.#unsettled.add(id);
      return;
    }
    this.#unsettled.delete(id);
    if (this.#health.get(id)?.health === "healthy") this.#health.delete(id);
  }

  /** Opens or closes the incident of deployment `id` as it should be. False when that could not be written. */
  #ensure(id: string): boolean {
    const key = `deployment:${id}`;
    const health = this.#health.get(id);
    const unhealthy = health?.health === "unhealthy";
    const alert = this.#incidents.get(key)?.alert;
    // Nothing is open and nothing has to be, as for almost everything that is heard.
    if (!alert && !unhealthy) return true;

    const status = this.#statusOf(id);
    if (status === "removed") this.#health.delete(id);
    if (status === "removed" || status === "stopped") {
      return !alert || this.#incidents.resolve(key, goneContent(alert, id, status));
    }
    if (unhealthy) return alert !== undefined || this.#incidents.report(key, unhealthyContent(health));
    if (!alert || !health) return true;
    const message = `Model ${health.name} is healthy again`;
    return this.#incidents.resolve(key, endedContent(alert, "Model Health Check Passed", message, health.failures));
  }

  #statusOf(id: string): string {
    const { db } = this.#store;
    const row = db
      .select({ status: deployments.status })
      .from(deployments)
      .where(eq(deployments.id, idNumber("dep-", id) ?? 0))
      .get();
    return row?.status ?? "removed";
  }
}

function goneContent(alert: Alert, id: string, status: "removed" | "stopped") {
  const title = status === "removed" ? "Model Deployment Removed" : "Model Deployment Stopped";
  return endedContent(alert, title, `Deployment ${id} was ${status}`);
}
