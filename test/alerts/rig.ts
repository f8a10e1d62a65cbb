import type { Logger } from "@logtape/logtape";
import { Activities } from "../../src/activities/activities.ts";
import { Alerts } from "../../src/alerts/alerts.ts";
import type { IncidentChange, OnIncident } from "../../src/alerts/incident-hook.ts";
import type { Clock } from "../../src/clock.ts";
import { shippedAlertRules } from "../../src/config/alert-rules.ts";
import { type Activity, type Alert, alert, type SystemResources } from "../../src/contract/index.ts";
import type { ResourceFrame, Resources } from "../../src/resources/sampler.ts";
import type { LoggedEvent } from "../../src/store/bus.ts";
import type { Store } from "../../src/store/store.ts";
import { FakeClock } from "../fake-clock.ts";
import { tempDir } from "../temp-dir.ts";
import { openStore } from "../temp-store.ts";

type Device = SystemResources["gpu"]["devices"][number];

/** The values a test cares for; the rest of the machine is idle. */
export interface Values {
  readonly cpu?: number | null;
  readonly memory?: number | null;
  readonly disk?: number | null;
  readonly inodes?: number | null;
  readonly freeBytes?: number | null;
  readonly gpus?: readonly Partial<Device>[];
  /** The parts that could not be read, and why. */
  readonly failing?: ResourceFrame["failing"];
}

/** Frames come when the test says so. */
class HandDriven implements Pick<Resources, "watch"> {
  readonly #consumers = new Set<(frame: ResourceFrame) => void>();

  get watchers(): number {
    return this.#consumers.size;
  }

  watch(consumer: (frame: ResourceFrame) => void): Disposable {
    this.#consumers.add(consumer);
    return { [Symbol.dispose]: () => void this.#consumers.delete(consumer) };
  }

  /** Whoever watched is no more. */
  forget(): void {
    this.#consumers.clear();
  }

  push(frame: ResourceFrame): void {
    for (const consumer of this.#consumers) consumer(frame);
  }
}

/** The time as one process has it: when that is killed, its timers are gone with it. */
class MortalClock implements Clock {
  readonly #clock: Clock;
  readonly #timers = new Set<Disposable>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  now(): number {
    return this.#clock.now();
  }

  monotonic(): number {
    return this.#clock.monotonic();
  }

  after(ms: number, run: () => void): Disposable {
    const timer = this.#clock.after(ms, () => {
      this.#timers.delete(timer);
      run();
    });
    this.#timers.add(timer);
    return {
      [Symbol.dispose]: () => {
        this.#timers.delete(timer);
        timer[Symbol.dispose]();
      },
    };
  }

  die(): void {
    for (const timer of this.#timers) timer[Symbol.dispose]();
    this.#timers.clear();
  }
}

/** Alerts on a real store in a directory that outlives a restart. */
export class Rig implements Disposable {
  readonly clock = new FakeClock();
  readonly resources = new HandDriven();
  /** Everything pushed since the rig was made, over restarts. */
  readonly pushed: LoggedEvent<Alert>[] = [];
  readonly told: Activity[] = [];
  readonly logged: string[] = [];
  /** What the hook heard of changes that were committed or not. */
  readonly heard: IncidentChange[] = [];
  /** What a test wants to happen in the hook. */
  onIncident: OnIncident = () => {};
  readonly #dir = tempDir();
  #server: {
    readonly store: Store;
    readonly activities: Activities;
    readonly alerts: Alerts;
    readonly clock: MortalClock;
  };

  constructor(options: { watch?: boolean } = {}) {
    this.#server = this.#start(options);
  }

  get store(): Store {
    return this.#server.store;
  }

  get activities(): Activities {
    return this.#server.activities;
  }

  get alerts(): Alerts {
    return this.#server.alerts;
  }

  /** The pushed alerts in short: `alert_1 firing critical 95`. */
  get story(): string[] {
    return this.pushed.map(
      ({ data }) => `${data.alert_id} ${data.state} ${data.severity} ${data.resource.current_value}`,
    );
  }

  #start({ watch = true }: { watch?: boolean }) {
    const store = openStore(this.#dir.path);
    // Whatever is pushed is what the contract promises.
    store.bus.on("system_alerts", (event) => void this.pushed.push({ ...event, data: alert.parse(event.data) }));
    store.bus.on("activity_stream", ({ data }) => void this.told.push(data));
    const clock = new MortalClock(this.clock);
    const activities = new Activities({ store, clock });
    const log = {
      error: (message: string) => this.logged.push(`error: ${message}`),
      info: (message: string) => this.logged.push(`info: ${message}`),
    } as unknown as Pick<Logger, "error" | "info">; // Logtape's overloads (tagged templates) are not used here.
    return {
      store,
      activities,
      clock,
      alerts: new Alerts({
        store,
        activities,
        resources: this.resources,
        clock,
        log,
        watch,
        rules: shippedAlertRules,
        onIncident: (tx, change) => {
          this.heard.push(change);
          this.onIncident(tx, change);
        },
      }),
    };
  }

  /** Ends this server and starts the next one on the same data. */
  restart(options: { watch?: boolean } = {}): void {
    this.#stop();
    this.#server = this.#start(options);
  }

  /** The process is killed, and the next one starts: nothing is written on the way out. */
  kill(): void {
    this.resources.forget();
    this.#server.clock.die();
    this.store[Symbol.dispose]();
    this.#server = this.#start({});
  }

  #stop(): void {
    this.alerts[Symbol.dispose]();
    this.store[Symbol.dispose]();
  }

  /** One frame, 2 seconds after the one before. */
  async sample(values: Values): Promise<void> {
    await this.clock.advance(2_000);
    const { failing = {} } = values;
    this.resources.push({ timestamp: new Date(this.clock.now()).toISOString(), data: frame(values), failing });
  }

  async samples(count: number, values: Values): Promise<void> {
    for (let i = 0; i < count; i++) await this.sample(values);
  }

  [Symbol.dispose](): void {
    this.#stop();
    this.#dir[Symbol.dispose]();
  }
}

function frame({ cpu = 10, memory = 20, disk = 30, inodes = 5, freeBytes = null, gpus = [] }: Values): SystemResources {
  const idle = { usage_percent: 0, memory_usage_percent: 0, temperature: 40, status: "normal" } as const;
  const devices = gpus.map((gpu, id): Device => ({ id, name: "NVIDIA H100", ...idle, ...gpu }));
  return {
    cpu: { usage_percent: cpu, cores: 8, frequency: null, status: null },
    memory: { usage_percent: memory, total_gb: 16, available_gb: 8, status: null },
    disk: {
      usage_percent: disk,
      total_gb: 500,
      free_gb: 100,
      status: null,
      free_bytes: freeBytes,
      inodes_usage_percent: inodes,
    },
    gpu: { available: devices.length > 0, device_count: devices.length, devices },
    network: { bytes_sent: null, bytes_recv: null, packets_sent: null, packets_recv: null },
  };
}
