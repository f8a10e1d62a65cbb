import type {
  Activity,
  Alert,
  Deployment,
  DeploymentEvent,
  ModelStatus,
  SessionInfo,
  SystemResourcesUpdate,
} from "../../contract/index.ts";
import { alertChanged, alertsInterrupted, alertsListed, type KnownAlerts, noAlerts } from "./alerts.ts";
import { type DeploymentRows, deploymentChanged, deploymentsListed, statusTicked } from "./deployments.ts";
import { addActivities } from "./feed.ts";
import type { LinkState } from "./link.ts";
import { noResources, type ResourceState, resourcesSampled } from "./resources.ts";

/** Everything the page shows that comes from the server. Every part is replaced, never changed in place. */
export interface DashboardState {
  readonly link: LinkState;
  /** When `link` became what it is, on this browser's clock, in milliseconds since the epoch. */
  readonly linkSince: number;
  /** Why signing in did not work, where it was tried; with `unauthorized` only. */
  readonly refusal: string | undefined;
  /** Who the server takes this browser for; undefined until it has told. */
  readonly caller: SessionInfo | undefined;
  readonly version: string | undefined;
  readonly resources: ResourceState;
  readonly deployments: DeploymentRows;
  /** Undefined until the server has told. Newest first. */
  readonly feed: readonly Activity[] | undefined;
  readonly alerts: KnownAlerts;
  readonly alertsKnown: boolean;
}

/** What can happen to the page; `at` is the browser's clock in milliseconds since the epoch. */
export type DashboardEvent =
  | { readonly kind: "connecting"; readonly at: number }
  | { readonly kind: "connected"; readonly at: number }
  | { readonly kind: "interrupted"; readonly at: number }
  | { readonly kind: "unauthorized"; readonly at: number; readonly refusal: string | undefined }
  | { readonly kind: "caller"; readonly caller: SessionInfo }
  | { readonly kind: "version"; readonly version: string }
  | { readonly kind: "resources"; readonly at: number; readonly update: SystemResourcesUpdate }
  | { readonly kind: "model-status"; readonly at: number; readonly status: ModelStatus }
  | { readonly kind: "deployments"; readonly at: number; readonly listed: readonly Deployment[] }
  | { readonly kind: "deployment-event"; readonly at: number; readonly event: DeploymentEvent }
  | { readonly kind: "activities"; readonly activities: readonly Activity[] }
  | { readonly kind: "alert"; readonly alert: Alert }
  | { readonly kind: "alerts"; readonly listed: readonly Alert[] };

export function initialState(at: number): DashboardState {
  return {
    link: "connecting",
    linkSince: at,
    refusal: undefined,
    caller: undefined,
    version: undefined,
    resources: noResources,
    deployments: undefined,
    feed: undefined,
    alerts: noAlerts,
    alertsKnown: false,
  };
}

export function reduce(state: DashboardState, event: DashboardEvent): DashboardState {
  switch (event.kind) {
    case "connecting":
      return initialState(event.at);
    case "connected":
      return { ...state, link: "connected", linkSince: event.at, alerts: alertsInterrupted(state.alerts) };
    case "interrupted":
      // Only what was connected is interrupted; a first attempt that fails is still connecting.
      return state.link === "connected" ? { ...state, link: "reconnecting", linkSince: event.at } : state;
    case "unauthorized":
      // Somebody who may not see the server must not go on seeing what it said before.
      return { ...initialState(event.at), link: "unauthorized", refusal: event.refusal };
    case "caller":
      return { ...state, caller: event.caller };
    case "version":
      return { ...state, version: event.version };
    case "resources":
      return { ...state, resources: resourcesSampled(state.resources, event.update, event.at) };
    case "model-status":
      return { ...state, deployments: statusTicked(state.deployments, event.status, event.at) };
    case "deployments":
      return { ...state, deployments: deploymentsListed(event.listed, event.at) };
    case "deployment-event":
      return { ...state, deployments: deploymentChanged(state.deployments, event.event, event.at) };
    case "activities":
      return { ...state, feed: addActivities(state.feed ?? [], event.activities) };
    case "alert":
      return { ...state, alerts: alertChanged(state.alerts, event.alert) };
    case "alerts":
      return { ...state, alerts: alertsListed(state.alerts, event.listed), alertsKnown: true };
    default:
      return event satisfies never;
  }
}
