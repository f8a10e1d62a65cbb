import type { Activity, Alert, DeploymentEvent, HealthStatus } from "../contract/index.ts";

/** An event of one of the three event streams, as stored: `seq` is its number there, `timestamp` when it happened. */
export interface LoggedEvent<Data> {
  readonly seq: number;
  /** ISO 8601. */
  readonly timestamp: string;
  readonly data: Data;
}

/** A deployment's health as the last probe left it; told when it changes and on each failure. */
export interface DeploymentHealth {
  readonly deploymentId: string;
  readonly modelId: string;
  readonly name: string;
  readonly health: HealthStatus;
  /** Failed probes in a row, and how many make it unhealthy. */
  readonly failures: number;
  readonly threshold: number;
  readonly reason: string | null;
}

/** A deployment has begun to fail again and again, or no longer does; what is open is in `deployments.crash_loop`. */
export interface DeploymentCrashLoop {
  readonly deploymentId: string;
  readonly modelId: string;
  readonly name: string;
  readonly crashLoop: boolean;
  /** How often it was restarted by its policy. */
  readonly restarts: number;
  /** Why it failed last; null when the crash loop is over. */
  readonly reason: string | null;
  /** Milliseconds since the epoch, while a restart is pending. */
  readonly nextRestartAt: number | null;
}

/** Ten seconds after a deployment was stopped, something of it is still there: its port, or GPU memory of its processes. */
export interface DeploymentLeak {
  readonly deploymentId: string;
  readonly modelId: string;
  readonly name: string;
  /** One clause each, such as `port 8000 is still held by python3 (process 12)`. */
  readonly found: readonly string[];
}

/** Something waits in the outbox for these channels. */
export interface NotificationsQueued {
  readonly channelIds: readonly number[];
  /** Whether somebody wants another attempt now, however long there still was to wait. */
  readonly now: boolean;
}

/** Everything that is told after a commit, by name. */
export interface BusEvents {
  activity_stream: LoggedEvent<Activity>;
  deployment_events: LoggedEvent<DeploymentEvent>;
  system_alerts: LoggedEvent<Alert>;
  deployment_health: DeploymentHealth;
  notifications_queued: NotificationsQueued;
  deployment_crash_loop: DeploymentCrashLoop;
  deployment_leak: DeploymentLeak;
}

export type BusEvent = {
  [Type in keyof BusEvents]: { readonly type: Type; readonly event: BusEvents[Type] };
}[keyof BusEvents];

type Listener = (event: BusEvent) => void;

/**
 * Hands committed events to listeners, one event at a time, in commit order.
 *
 * A listener that itself writes does not get ahead: what its commit emits waits until everybody has heard the present
 * event. A listener that throws is reported and harms nobody else.
 */
export class Bus {
  readonly #listeners = new Set<Listener>();
  readonly #queue: BusEvent[] = [];
  readonly #onError: (error: unknown) => void;
  #dispatching = false;

  constructor(onError: (error: unknown) => void) {
    this.#onError = onError;
  }

  /** Calls `listener` with each event of `type` from now on. */
  on<Type extends keyof BusEvents>(type: Type, listener: (event: BusEvents[Type]) => void): Disposable {
    const entry: Listener = (message) => {
      // The discriminant ties `event` to `Type`; TypeScript cannot follow that through a generic.
      if (message.type === type) listener(message.event as BusEvents[Type]);
    };
    this.#listeners.add(entry);
    return { [Symbol.dispose]: () => void this.#listeners.delete(entry) };
  }

  /** For the store alone, right after a commit. */
  publish(events: readonly BusEvent[]): void {
    this.#queue.push(...events);
    if (this.#dispatching) return;
    this.#dispatching = true;
    try {
      for (let event = this.#queue.shift(); event; event = this.#queue.shift()) {
        for (const listener of this.#listeners) {
          try {
            listener(event);
          } catch (error) {
            this.#onError(error);
          }
        }
      }
    } finally {
      this.#dispatching = false;
    }
  }
}
