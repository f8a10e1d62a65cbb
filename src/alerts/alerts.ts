import type { Logger } from "@logtape/logtape";
import type { Activities } from "../activities/activities.ts";
import type { Clock } from "../clock.ts";
import type { Alert } from "../contract/index.ts";
import type { Resources } from "../resources/sampler.ts";
import type { EventLog } from "../store/event-log.ts";
import type { Store } from "../store/store.ts";
import { endedContent } from "./content.ts";
import { DeploymentWatch } from "./deployment-watch.ts";
import { type AlertQuery, alertLog, getAlert, listAlerts } from "./history.ts";
import type { OnIncident } from "./incident-hook.ts";
import { Incidents } from "./incidents.ts";
import { ResourceWatch } from "./resource-watch.ts";

export interface AlertsParts {
  readonly store: Store;
  readonly activities: Pick<Activities, "record">;
  readonly resources: Pick<Resources, "watch">;
  readonly clock: Clock;
  readonly log: Pick<Logger, "error" | "info">;
  /** Whether anything is watched; the history can be read either way. */
  readonly watch: boolean;
  /** Hears of each change of an incident, inside its transaction. */
  readonly onIncident?: OnIncident;
}

/**
 * Watches the machine's resources and the deployments' health, and tells when something crosses a threshold, gets worse
 * or better, and is over: each as a row, a `system_alerts` push and an activity, in one transaction.
 *
 * An incident keeps its id over all of that, and over a restart of the server, which tells nothing again. A change that
 * cannot be written is tried again with the next sample, and ends nothing.
 */
export class Alerts implements Disposable {
  /** What a replay of `system_alerts` reads. */
  readonly log: EventLog<Alert>;
  readonly #store: Store;
  readonly #logger: AlertsParts["log"];
  /** In the order they were begun; empty when nothing is watched. */
  readonly #watching: readonly Disposable[];
  /** Whether the last write failed: an outage is logged once, not with every sample. */
  #failing = false;

  constructor(parts: AlertsParts) {
    const { store, activities, resources, clock } = parts;
    this.log = alertLog(store);
    this.#store = store;
    this.#logger = parts.log;
    const { onIncident } = parts;
    const incidents = new Incidents({
      store,
      activities,
      clock,
      onIncident,
      onFailure: (error) => this.#failed(error),
    });
    if (!parts.watch) {
      this.#watching = [];
      closeAll(incidents);
      return;
    }
    const resourceWatch = new ResourceWatch(incidents);
    const deploymentWatch = new DeploymentWatch({ store, incidents });
    this.#watching = [
      deploymentWatch,
      store.bus.on("system_alerts", () => this.#written()),
      resources.watch(({ data }) => {
        resourceWatch.observe(data, clock.monotonic());
        deploymentWatch.retry();
      }),
    ];
  }

  /** A page of alerts, newest first; `next` is what to pass as `before`, null at the end. */
  list(query: AlertQuery): { items: Alert[]; next: string | null } {
    return listAlerts(this.#store.db, query);
  }

  /** @throws ProblemError `not_found`. */
  get(id: string): Alert {
    return getAlert(this.#store.db, id);
  }

  /** Stops watching. What is open stays open and is taken up at the next start. */
  [Symbol.dispose](): void {
    for (const watch of this.#watching.toReversed()) watch[Symbol.dispose]();
  }

  #written(): void {
    if (this.#failing) this.#logger.info("Alerts can be written again");
    this.#failing = false;
  }

  #failed(error: unknown): void {
    if (!this.#failing) {
      this.#logger.error("An alert could not be written and is tried again with each sample: {error}", { error });
    }
    this.#failing = true;
  }
}

/** With nobody watching, what is open would stay so for ever. Whatever still holds is found anew when watching resumes. */
function closeAll(incidents: Incidents): void {
  for (const category of ["resource_threshold", "model_health"] as const) {
    for (const [key, { alert }] of incidents.of(category)) {
      incidents.resolve(
        key,
        endedContent(alert, "Alerts Are Off", "Alerts were turned off; this is no longer watched"),
      );
    }
  }
}
