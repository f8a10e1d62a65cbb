import type { Logger } from "@logtape/logtape";
import type { Activities } from "../activities/activities.ts";
import { type Clock, every } from "../clock.ts";
import type { AlertRules } from "../config/alert-rules.ts";
import type { Alert, AlertRule, CreateSilence, Silence, UpdateAlertRule } from "../contract/index.ts";
import type { ResourceFrame, Resources } from "../resources/sampler.ts";
import type { EventLog } from "../store/event-log.ts";
import type { Store } from "../store/store.ts";
import { Attention } from "./attention.ts";
import { endedContent } from "./content.ts";
import { DeploymentWatch } from "./deployment-watch.ts";
import { DownloadWatch } from "./download-watch.ts";
import { type AlertQuery, alertLog, getAlert, listAlerts, pruneAlerts } from "./history.ts";
import type { OnIncident } from "./incident-hook.ts";
import { Incidents } from "./incidents.ts";
import { Monitor } from "./monitor.ts";
import { ResourceWatch } from "./resource-watch.ts";
import { RuleBook } from "./rule-book.ts";
import type { RuleName } from "./rules.ts";
import { Silences } from "./silences.ts";

/** The history is bounded by numbers that no day brings, so it need not be looked at more often. */
const PRUNE_MS = 3_600_000;

export interface AlertsParts {
  readonly store: Store;
  readonly activities: Pick<Activities, "record">;
  readonly resources: Pick<Resources, "watch">;
  readonly clock: Clock;
  readonly log: Pick<Logger, "error" | "info">;
  /** Whether anything is watched; the history can be read either way. */
  readonly watch: boolean;
  /** What the rules say as long as nobody changes them over the API. */
  readonly rules: AlertRules;
  /** Hears of each change of an incident, inside its transaction. */
  readonly onIncident?: OnIncident;
}

/**
 * Watches the machine's resources, the deployments and the downloads, and tells when something crosses a threshold, gets
 * worse or better, and is over: each as a row, a `system_alerts` push and an activity, in one transaction.
 *
 * An incident keeps its id over all of that, and over a restart of the server, which tells nothing again. A change that
 * cannot be written is tried again with the next sample, and ends nothing.
 */
export class Alerts implements Disposable {
  /** What a replay of `system_alerts` reads. */
  readonly log: EventLog<Alert>;
  readonly #store: Store;
  readonly #logger: AlertsParts["log"];
  readonly #incidents: Incidents;
  readonly #monitor: Monitor;
  readonly #attention: Attention;
  readonly #book: RuleBook;
  readonly #silences: Silences;
  readonly #watching = new DisposableStack();
  /** Whether the last write failed: an outage is logged once, not with every sample. */
  #failing = false;

  constructor(parts: AlertsParts) {
    const { store, activities, clock, onIncident } = parts;
    this.log = alertLog(store);
    this.#store = store;
    this.#logger = parts.log;
    const onFailure = (error: unknown) => this.#failed(error);
    this.#silences = new Silences({ store, activities, clock });
    this.#book = new RuleBook({ store, activities, clock, configured: parts.rules });
    const incidents = new Incidents({ store, activities, clock, onIncident, silences: this.#silences });
    const monitor = new Monitor({ store, incidents, book: this.#book, clock, onFailure });
    this.#incidents = incidents;
    this.#monitor = monitor;
    this.#attention = new Attention({ incidents, monitor, silences: this.#silences, clock, onFailure });
    if (parts.watch) this.#watch(parts);
    else closeAll(incidents, monitor);
  }

  #watch({ store, resources, clock }: AlertsParts): void {
    const monitor = this.#monitor;
    const resourceWatch = new ResourceWatch(monitor);
    // What was counted until an orderly end goes on from there.
    this.#watching.defer(() => monitor.save());
    const deployments = this.#watching.use(new DeploymentWatch({ store, monitor }));
    const downloads = this.#watching.use(new DownloadWatch({ store, monitor }));
    this.#watching.use(store.bus.on("system_alerts", () => this.#written()));
    const round = (frame: ResourceFrame) => {
      resourceWatch.observe(frame, clock.monotonic());
      deployments.tick();
      downloads.tick();
      this.#attention.tick();
      monitor.tick();
    };
    this.#watching.use(resources.watch(round));
    this.#watching.use(
      every(
        clock,
        PRUNE_MS,
        () => pruneAlerts(store),
        (error) => this.#failed(error),
      ),
    );
  }

  /** A page of alerts, newest first; `next` is what to pass as `before`, null at the end. */
  list(query: AlertQuery): { items: Alert[]; next: string | null } {
    const { items, next } = listAlerts(this.#store.db, query);
    return { items: items.map((alert) => this.#incidents.current(alert)), next };
  }

  /** @throws ProblemError `not_found`. */
  get(id: string): Alert {
    return this.#incidents.current(getAlert(this.#store.db, id));
  }

  /** @throws ProblemError `not_found`, `illegal_transition` when it is over; StorageError. */
  acknowledge(id: string, comment: string | null, by: string | null): Alert {
    return this.#attention.acknowledge(this.get(id), comment, by);
  }

  /** Closes it by hand. @throws ProblemError `not_found`, `illegal_transition` when it is over; StorageError. */
  resolve(id: string, comment: string | null, by: string | null): Alert {
    return this.#attention.resolve(this.get(id), comment, by);
  }

  /** The silences in force. */
  silences(): Silence[] {
    return this.#silences.list();
  }

  /** @throws ProblemError `validation_failed`, `limit_reached` when there are too many; StorageError. */
  silence(input: CreateSilence, by: string | null): Silence {
    const silence = this.#silences.create(input, by);
    this.#attention.refresh();
    return silence;
  }

  /** @throws ProblemError `not_found`; StorageError. */
  unsilence(id: string): void {
    this.#silences.remove(id);
    this.#attention.refresh();
  }

  rules(): AlertRule[] {
    return this.#book.list();
  }

  /** Changes a rule and judges what it is about anew. @throws ProblemError `validation_failed`; StorageError. */
  updateRule(name: RuleName, input: UpdateAlertRule, by: string | null): AlertRule {
    const rule = this.#book.update(name, input, by);
    this.#monitor.ruleChanged(name);
    return rule;
  }

  /** Stops watching. What is open stays open and is taken up at the next start. */
  [Symbol.dispose](): void {
    this.#watching[Symbol.dispose]();
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
function closeAll(incidents: Incidents, monitor: Monitor): void {
  const message = "Alerts were turned off; this is no longer watched";
  for (const [key] of incidents.open()) {
    monitor.end(key, "rule_changed", (alert) => endedContent(alert, "Alerts Are Off", message));
  }
}
