import type { Clock } from "../clock.ts";
import { isoTime } from "../clock.ts";
import { type Alert, ProblemError } from "../contract/index.ts";
import { contentOf } from "./content.ts";
import { aboutAlert, type Incidents } from "./incidents.ts";
import type { Monitor } from "./monitor.ts";
import type { Silences } from "./silences.ts";

/** Who said that they see to it may have forgotten by the next day. */
const ACKNOWLEDGED_MS = 86_400_000;

/** What people do about open incidents: say that they see to them, close them, and want to hear nothing of them. */
export class Attention {
  readonly #incidents: Incidents;
  readonly #monitor: Monitor;
  readonly #silences: Silences;
  readonly #clock: Clock;
  readonly #onFailure: (error: unknown) => void;

  constructor(parts: {
    incidents: Incidents;
    monitor: Monitor;
    silences: Silences;
    clock: Clock;
    onFailure: (error: unknown) => void;
  }) {
    this.#incidents = parts.incidents;
    this.#monitor = parts.monitor;
    this.#silences = parts.silences;
    this.#clock = parts.clock;
    this.#onFailure = parts.onFailure;
  }

  /** Saying it twice is harmless. @throws ProblemError `illegal_transition`; StorageError. */
  acknowledge(alert: Alert, comment: string | null, by: string | null): Alert {
    const [key, open] = this.#open(alert, "acknowledged");
    if (open.state === "acknowledged") return open;
    return this.#incidents.change(key, {
      kind: "acknowledged",
      content: contentOf(open),
      life: {
        state: "acknowledged",
        acknowledged_at: isoTime(this.#clock.now()),
        acknowledged_by: by,
        acknowledgement_comment: comment,
      },
      activity: operatorActivity(open, "acknowledged", comment, by),
    });
  }

  /** @throws ProblemError `illegal_transition`; StorageError. */
  resolve(alert: Alert, comment: string | null, by: string | null): Alert {
    const [key, open] = this.#open(alert, "resolved");
    const message = `It was closed by hand${comment === null ? "" : `: ${comment}`}`;
    return this.#monitor.dismiss(key, {
      content: { ...contentOf(open), severity: "info", title: `${open.title} Closed`, message, actions: [] },
      life: { resolution: { reason: "manual", by, comment }, flapping: false, stale: false },
      activity: operatorActivity(open, "resolved by hand", comment, by),
    });
  }

  /** Tells of each open incident that is silenced now and was not, or the other way round. */
  refresh(): void {
    this.#attempt(() => this.#silences.prune());
    for (const [key, { alert }] of this.#incidents.open()) {
      const silenced = this.#silences.covers({ ...alert, key });
      if (silenced === (alert.silenced ?? false)) continue;
      const kind = silenced ? "silenced" : "unsilenced";
      // The silence itself is in the history.
      this.#attempt(() => void this.#incidents.change(key, { kind, content: contentOf(alert), activity: null }));
    }
  }

  /** Time goes on: silences end, and so do acknowledgements. */
  tick(): void {
    this.refresh();
    for (const [key, { alert }] of this.#incidents.open()) {
      const { state, acknowledged_at: at } = alert;
      if (state !== "acknowledged" || at === undefined || this.#clock.now() - Date.parse(at) < ACKNOWLEDGED_MS)
        continue;
      this.#attempt(() => void this.#incidents.change(key, { kind: "unacknowledged", content: contentOf(alert) }));
    }
  }

  #open(alert: Alert, what: string): [key: string, alert: Alert] {
    const key = alert.key ?? "";
    const open = this.#incidents.get(key)?.alert;
    if (open?.alert_id === alert.alert_id) return [key, open];
    const detail = `${alert.alert_id} is over since ${alert.resolved_at}, so it cannot be ${what}.`;
    throw new ProblemError("illegal_transition", detail);
  }

  #attempt(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#onFailure(error);
    }
  }
}

function operatorActivity(alert: Alert, what: string, comment: string | null, by: string | null) {
  return {
    activity_type: "user_operation" as const,
    message: `${alert.alert_id} (${alert.title}) was ${what}${comment === null ? "" : `: ${comment}`}`,
    severity: "info" as const,
    resource_type: alert.resource.type,
    resource_id: alert.resource.id ?? null,
    extra_data: { ...aboutAlert(alert), by, comment },
  };
}
