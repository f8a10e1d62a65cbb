import { computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { createApi, UnauthorizedError } from "../../client/index.ts";
import type { Activity, Alert, SessionInfo } from "../../contract/index.ts";
import { openAlerts } from "../state/alerts.ts";
import { type DashboardEvent, type DashboardState, initialState, reduce } from "../state/dashboard-state.ts";
import type { DeploymentRows } from "../state/deployments.ts";
import { type LinkStatus, linkStatus } from "../state/link.ts";
import type { RangeName, Recorded } from "../state/recorded.ts";
import type { ResourceState } from "../state/resources.ts";
import { follow } from "./follow.ts";
import { followRecording } from "./recording.ts";

const TICK_MS = 1_000;

/** What the components read, and what a user can do: to the connection, and about an alert. */
export interface Page {
  /** The browser's clock in milliseconds since the epoch, once a second while the page is seen. */
  readonly now: ReadonlySignal<number>;
  readonly status: ReadonlySignal<LinkStatus>;
  /** Why signing in did not work, where it was tried. */
  readonly refusal: ReadonlySignal<string | undefined>;
  /** Who the server takes this browser for; undefined until it has told. */
  readonly caller: ReadonlySignal<SessionInfo | undefined>;
  readonly version: ReadonlySignal<string | undefined>;
  readonly resources: ReadonlySignal<ResourceState>;
  /** How far the charts go back; the reader's choice. */
  readonly range: Signal<RangeName>;
  readonly recorded: ReadonlySignal<Recorded>;
  readonly deployments: ReadonlySignal<DeploymentRows>;
  readonly feed: ReadonlySignal<readonly Activity[] | undefined>;
  /** Undefined until the server has told. */
  readonly alerts: ReadonlySignal<readonly Alert[] | undefined>;
  /** Says that somebody sees to an alert. Resolves with why it did not work, undefined when it did. */
  acknowledge(alertId: string): Promise<string | undefined>;
  /** Exchanges a token for a cookie that this page cannot read; the token is not kept. */
  signIn(token: string): Promise<void>;
  signOut(): Promise<void>;
}

/**
 * Follows the server and shows at most one state a frame. A tab that nobody sees gets no frames, so it keeps its state
 * up to date and draws nothing.
 */
export function openPage(): Page {
  const api = createApi(location.origin);
  let state = initialState(Date.now());
  const shown = signal(state);
  const now = signal(Date.now());

  let frame: number | undefined;
  const dispatch = (event: DashboardEvent) => {
    state = reduce(state, event);
    if (frame !== undefined) return;
    frame = requestAnimationFrame(() => {
      frame = undefined;
      now.value = Date.now();
      shown.value = state;
    });
  };

  const start = () => follow({ state: () => state, dispatch });
  let following = start();
  const restart = () => {
    following[Symbol.dispose]();
    dispatch({ kind: "connecting", at: Date.now() });
    following = start();
  };

  tickWhileSeen(() => {
    now.value = Date.now();
  });

  const slice = <Value>(select: (state: DashboardState) => Value) => computed(() => select(shown.value));
  const resources = slice(({ resources }) => resources);
  const alerts = slice(({ alerts }) => alerts);
  return {
    now,
    ...followRecording(computed(() => shown.value.link === "connected")),
    status: computed(() => {
      const { link, linkSince } = shown.value;
      const { receivedAt } = resources.value;
      const sampleAge = receivedAt === undefined ? undefined : now.value - receivedAt;
      return linkStatus(link, sampleAge, now.value - linkSince);
    }),
    refusal: slice(({ refusal }) => refusal),
    caller: slice(({ caller }) => caller),
    version: slice(({ version }) => version),
    resources,
    deployments: slice(({ deployments }) => deployments),
    feed: slice(({ feed }) => feed),
    alerts: computed(() => (shown.value.alertsKnown ? openAlerts(alerts.value) : undefined)),
    async acknowledge(alertId) {
      try {
        const alert = await api.alerts.acknowledge(alertId);
        // The push says the same; whichever comes first is shown.
        dispatch({ kind: "alert", alert });
        return undefined;
      } catch (error) {
        return error instanceof Error ? error.message : String(error);
      }
    },
    async signIn(token) {
      try {
        await api.session.signIn(token);
        restart();
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        const refusal = error instanceof UnauthorizedError ? "The server refused this token." : reason;
        dispatch({ kind: "unauthorized", at: Date.now(), refusal });
      }
    },
    async signOut() {
      // First, so that the end of the connection is no news.
      following[Symbol.dispose]();
      // Whether it worked is seen by whether the server still lets this browser in.
      await api.session.signOut().catch(() => undefined);
      restart();
    },
  };
}

function tickWhileSeen(tick: () => void): void {
  let timer: ReturnType<typeof setInterval> | undefined;
  const adjust = () => {
    clearInterval(timer);
    timer = undefined;
    if (document.visibilityState === "hidden") return;
    tick();
    timer = setInterval(tick, TICK_MS);
  };
  document.addEventListener("visibilitychange", adjust);
  adjust();
}
