import type { Activity, Alert, Deployment } from "../../contract/index.ts";
import type { DashboardEvent, DashboardState } from "../state/dashboard-state.ts";
import { lacksReason } from "../state/deployments.ts";
import { FEED_LIMIT } from "../state/feed.ts";
import { getJson, UnauthorizedError } from "./api.ts";
import { openConnection } from "./connection.ts";

/** Milliseconds before a list that could not be read is asked for again. */
const RETRY_MS = 3_000;

/** Lists are read whole up to the API's largest page; a machine runs far fewer deployments. */
const LIST_LIMIT = 500;

interface Page<Item> {
  readonly items: readonly Item[];
}

interface FollowParts {
  readonly token: string | undefined;
  readonly state: () => DashboardState;
  readonly dispatch: (event: DashboardEvent) => void;
}

/**
 * Tells `dispatch` everything that happens on the server, until disposed or until the server wants another token.
 *
 * Every time the connection is made it subscribes first and then reads the lists. What is committed in between comes
 * both ways, which the state knows how to unite; the other way round it would be missed.
 */
export function follow({ token, state, dispatch }: FollowParts): Disposable {
  const ended = new AbortController();
  let connected = new AbortController();
  let listing: AbortSignal | undefined;

  const end = () => {
    ended.abort();
    connected.abort();
    connection[Symbol.dispose]();
  };
  const unauthorized = () => {
    if (ended.signal.aborted) return;
    end();
    dispatch({ kind: "unauthorized", at: Date.now(), tokenSent: token !== undefined });
  };

  /** Reads until it works, the connection is lost, or the token turns out to be wrong. */
  const read = async <Body>(path: string, signal: AbortSignal): Promise<Body | undefined> => {
    while (!signal.aborted) {
      try {
        return await getJson<Body>(path, token, signal);
      } catch (error) {
        if (error instanceof UnauthorizedError) unauthorized();
        else await pause(RETRY_MS, signal);
      }
    }
    return undefined;
  };

  const readDeployments = async (signal: AbortSignal) => {
    if (listing === signal) return;
    listing = signal;
    const page = await read<Page<Deployment>>(`/api/v1/deployments?limit=${LIST_LIMIT}`, signal);
    if (listing === signal) listing = undefined;
    if (page) dispatch({ kind: "deployments", at: Date.now(), listed: page.items });
  };
  const readActivities = async (signal: AbortSignal) => {
    const page = await read<Page<Activity>>(`/api/v1/activities?limit=${FEED_LIMIT}`, signal);
    if (page) dispatch({ kind: "activities", activities: page.items });
  };
  const readAlerts = async (signal: AbortSignal) => {
    const path = (which: string) => `/api/v1/alerts?state=${which}&limit=${LIST_LIMIT}`;
    const firing = await read<Page<Alert>>(path("firing"), signal);
    const acknowledged = await read<Page<Alert>>(path("acknowledged"), signal);
    if (firing && acknowledged) dispatch({ kind: "alerts", listed: [...firing.items, ...acknowledged.items] });
  };
  const readVersion = async (signal: AbortSignal) => {
    const health = await read<{ version: string }>("/healthz", signal);
    if (health) dispatch({ kind: "version", version: health.version });
  };

  const connection = openConnection(token, {
    onSubscribed() {
      connected.abort();
      connected = new AbortController();
      const { signal } = connected;
      dispatch({ kind: "connected", at: Date.now() });
      void readDeployments(signal);
      void readActivities(signal);
      void readAlerts(signal);
      void readVersion(signal);
    },
    onInterrupted() {
      connected.abort();
      dispatch({ kind: "interrupted", at: Date.now() });
    },
    onRefused(isUnauthorized) {
      if (isUnauthorized) unauthorized();
      // A refused upgrade does not say why; the same token over HTTP does.
      else
        getJson("/api/v1/activities?limit=1", token, ended.signal).catch((error: unknown) => {
          if (error instanceof UnauthorizedError) unauthorized();
        });
    },
    onResources: (update) => dispatch({ kind: "resources", at: Date.now(), update }),
    onModelStatus(update) {
      const lackedReason = lacksReason(state().deployments);
      dispatch({ kind: "model-status", at: Date.now(), status: update.data });
      if (!lackedReason && lacksReason(state().deployments)) void readDeployments(connected.signal);
    },
    onActivity: (event) => dispatch({ kind: "activities", activities: [event.data] }),
    onAlert: (event) => dispatch({ kind: "alert", alert: event.data }),
    onDeploymentEvent(event) {
      const known = state().deployments?.some((row) => row.deployment_id === event.data.deployment_id);
      dispatch({ kind: "deployment-event", at: Date.now(), event: event.data });
      if (!known) void readDeployments(connected.signal);
    },
  });

  return { [Symbol.dispose]: end };
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
