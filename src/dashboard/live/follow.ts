import { type Api, ApiError, connect, createApi, streamNames, UnauthorizedError } from "../../client/index.ts";
import type { Scope } from "../../contract/index.ts";
import type { DashboardEvent, DashboardState } from "../state/dashboard-state.ts";
import { lacksReason } from "../state/deployments.ts";
import { FEED_LIMIT } from "../state/feed.ts";

/** Milliseconds before a list that could not be read is asked for again. */
const RETRY_MS = 3_000;

/** Milliseconds over which reasons to read the deployments anew are gathered: a transition has several. */
const GATHER_MS = 200;

/** The API's largest page. A machine runs far fewer deployments and has far fewer alerts open. */
const LIST_LIMIT = 500;

interface FollowParts {
  readonly state: () => DashboardState;
  readonly dispatch: (event: DashboardEvent) => void;
}

/**
 * Tells `dispatch` everything that happens on the server this page came from, until disposed or until the server
 * wants somebody to sign in. Who has is known to the server by a cookie.
 *
 * Every connection is subscribed first and then the lists are read. What is committed in between comes both ways, which
 * the state knows how to unite; the other way round it would be missed.
 */
export function follow({ state, dispatch }: FollowParts): Disposable {
  const client = connect(location.origin, { socket: { reconnectionDelay: 500, reconnectionDelayMax: 5_000 } });
  let connection = new AbortController();
  let ended = false;
  let listing: AbortSignal | undefined;
  let refresh: ReturnType<typeof setTimeout> | undefined;

  const end = () => {
    ended = true;
    clearTimeout(refresh);
    connection.abort();
    client.close();
  };
  const unauthorized = () => {
    if (ended) return;
    end();
    dispatch({ kind: "unauthorized", at: Date.now(), refusal: undefined });
  };

  /** Reads until it works, the connection is lost, or it turns out not to be permitted. */
  const read = async <Answer>(signal: AbortSignal, ask: (api: Api) => Promise<Answer>): Promise<Answer | undefined> => {
    const api = createApi(location.origin, { signal });
    while (!signal.aborted) {
      try {
        return await ask(api);
      } catch (error) {
        if (error instanceof UnauthorizedError) unauthorized();
        else if (error instanceof ApiError && error.status === 403) return undefined;
        else await pause(RETRY_MS, signal);
      }
    }
    return undefined;
  };

  /** For what the streams tell late or not at all: why a deployment is in trouble, that it has another health, or is gone. */
  const refreshDeployments = () => {
    refresh ??= setTimeout(() => {
      refresh = undefined;
      void readDeployments(connection.signal);
    }, GATHER_MS);
  };
  const readDeployments = async (signal: AbortSignal) => {
    if (listing === signal) {
      // An answer that is on its way may be older than what asks now.
      refreshDeployments();
      return;
    }
    listing = signal;
    const page = await read(signal, (api) => api.deployments.list({ limit: LIST_LIMIT }));
    if (listing === signal) listing = undefined;
    if (page) dispatch({ kind: "deployments", at: Date.now(), listed: page.items });
  };
  const readActivities = async (signal: AbortSignal) => {
    const page = await read(signal, (api) => api.activities.list({ limit: FEED_LIMIT }));
    if (page) dispatch({ kind: "activities", activities: page.items });
  };
  const readAlerts = async (signal: AbortSignal) => {
    const listed = (alertState: "firing" | "acknowledged") =>
      read(signal, (api) => api.alerts.list({ state: alertState, limit: LIST_LIMIT }));
    const [firing, acknowledged] = await Promise.all([listed("firing"), listed("acknowledged")]);
    if (firing && acknowledged) dispatch({ kind: "alerts", listed: [...firing.items, ...acknowledged.items] });
  };
  const readAll = async (signal: AbortSignal) => {
    void readVersion(signal);
    const caller = await read(signal, (api) => api.session.get());
    if (!caller) return;
    dispatch({ kind: "caller", caller });
    // What is not permitted is not asked for.
    const may = (scope: Scope) => caller.scopes.includes(scope);
    if (may("read:deployments")) void readDeployments(signal);
    if (may("read:activities")) void readActivities(signal);
    if (may("read:alerts")) void readAlerts(signal);
  };
  const readVersion = async (signal: AbortSignal) => {
    const health = await read(signal, (api) => api.ready());
    if (health) dispatch({ kind: "version", version: health.version });
  };

  client.on("system_resources", (update) => dispatch({ kind: "resources", at: Date.now(), update }));
  client.on("model_status", (update) => {
    const lackedReason = lacksReason(state().deployments);
    dispatch({ kind: "model-status", at: Date.now(), status: update.data });
    if (!lackedReason && lacksReason(state().deployments)) refreshDeployments();
  });
  client.on("activity_stream", (event) => {
    dispatch({ kind: "activities", activities: [event.data] });
    if (event.data.resource_type === "deployment") refreshDeployments();
  });
  client.on("system_alerts", (event) => dispatch({ kind: "alert", alert: event.data }));
  client.on("deployment_events", (event) => {
    dispatch({ kind: "deployment-event", at: Date.now(), event: event.data });
    refreshDeployments();
  });

  // Rejected when the client is at its end, which `state` tells as well, and where a stream is not permitted.
  const subscribed = Promise.allSettled(streamNames.map((stream) => client.subscribe(stream)));
  client.on("state", (link) => {
    switch (link) {
      case "connected": {
        connection = new AbortController();
        const { signal } = connection;
        dispatch({ kind: "connected", at: Date.now() });
        void subscribed.then(() => readAll(signal));
        return;
      }
      case "reconnecting":
        connection.abort();
        dispatch({ kind: "interrupted", at: Date.now() });
        return;
      case "unauthorized":
        unauthorized();
        return;
      case "connecting":
      case "closed":
        return;
      default:
        link satisfies never;
    }
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
