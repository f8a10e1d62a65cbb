import type { ClientState } from "../client/connection.ts";
import type { Activity } from "../contract/activities.ts";
import type { Alert } from "../contract/alerts.ts";
import type { DeploymentEvent, ModelStatus } from "../contract/deployments.ts";
import type { SystemResources } from "../contract/resources.ts";

/** Activities that are kept to be shown: more than the tallest terminal has lines for. */
const KEPT_ACTIVITIES = 200;

/** What `watch` knows of the server. */
export class WatchState {
  connection: ClientState = "connecting";
  /** When the newest event was sent; ISO 8601. */
  updated: string | undefined;
  resources: SystemResources | undefined;
  models: ModelStatus | undefined;
  /** Oldest first. */
  readonly activities: Activity[] = [];
  /** Alerts that are not resolved, by id. */
  readonly alerts = new Map<string, Alert>();
  /** The last thing to tell about the connection itself. */
  notice: string | undefined;

  addActivity(activity: Activity): void {
    this.activities.push(activity);
    if (this.activities.length > KEPT_ACTIVITIES) this.activities.shift();
  }

  setAlert(alert: Alert): void {
    if (alert.state === "resolved") this.alerts.delete(alert.alert_id);
    else this.alerts.set(alert.alert_id, alert);
  }

  /** Shows a change of status at once; the counts and all else follow with the next update. */
  applyDeploymentEvent(event: DeploymentEvent): void {
    const entry = this.models?.models.find(({ deployment_id }) => deployment_id === event.deployment_id);
    if (entry) entry.status = event.status;
  }
}
