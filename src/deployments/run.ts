import { type Clock, every } from "../clock.ts";
import type { EngineMetrics, HealthCheck } from "../contract/index.ts";
import type { Ending, Hooks, Instance } from "./drivers/driver.ts";
import { EngineWatch } from "./engine/engine-watch.ts";
import type { Questions } from "./engine/questions.ts";
import { afterProbe, HEALTHY, type Health, UNKNOWN } from "./health.ts";
import { idleLimitMs, percentRead } from "./loading/estimate.ts";
import { LOADING } from "./loading/log-progress.ts";
import { Reading } from "./loading/reading.ts";
import type { Mailbox } from "./mailbox.ts";
import type { Probe, ProbeFactory, ProbeResult } from "./probe.ts";
import { afterLook, beginStart, expiry, remainingMs, type StartLimits } from "./start-deadline.ts";

/** Between two probes of a start. Engines load for seconds to minutes; llama-swap asks every second, too. */
const START_POLL_MS = 1_000;
/** The latest first probe of a deployment that was found running, whatever its interval. */
const FIRST_PROBE_WITHIN_MS = 5_000;
/** A probe that took this much longer than its limit says that this server stood still, nothing of the engine. */
const STALL_MS = 2_000;

/** After what was told could not be written (a full disk), it is told again this much later. */
export const RETRY_MS = 1_000;

/** Who is told what a run shows. When it throws (a failed write), it is told again later. */
export interface RunListener {
  /** A start has passed its first probe, this long after it was begun. */
  onReady(readyMs: number): void;
  /** A start is not ready; `reason` says what is wrong, null if it is loading. */
  onWaiting(reason: string | null): void;
  /** A running deployment was probed; `reason` says what was wrong, null if nothing. */
  onHealth(health: Health, reason: string | null): void;
  /** A start has used up its time, or the instance is no more. */
  onOver(ending: Ending): void;
}

export interface RunParts {
  /** Has the driver start or find the deployment. */
  readonly begin: (hooks: Hooks) => Instance;
  readonly probes: ProbeFactory;
  readonly check: HealthCheck;
  readonly questions: Questions;
  readonly modelId: string;
  /** How big the model is; null when that is not known. */
  readonly modelBytes: number | null;
  readonly clock: Clock;
  /** 0 to 1, different for each deployment: which part of the interval it probes in. */
  readonly phase: number;
  /** Where the listener's steps stand in line; none comes after the run was disposed. */
  readonly mailbox: Mailbox;
  readonly listener: RunListener;
  readonly onError: (error: unknown) => void;
}

/**
 * One run of a deployment, watched: first until it is ready, then its health, one probe at a time.
 * Disposing it ends the watching, and the probe in flight, but not what is watched.
 */
export class Run implements Disposable {
  readonly instance: Instance;
  readonly #parts: RunParts;
  readonly #isReady: Probe;
  readonly #isHealthy: Probe;
  readonly #engine: EngineWatch;
  readonly #began: number;
  readonly #abort = new AbortController();
  #timer: Disposable | undefined;
  #inFlight: Promise<unknown> = Promise.resolve();
  #progressed = false;
  readonly #reading = new Reading();

  /** @throws whatever the driver throws. */
  constructor(parts: RunParts) {
    this.#parts = parts;
    this.#began = parts.clock.monotonic();
    this.instance = parts.begin({
      onProgress: () => {
        this.#progressed = true;
      },
    });
    const { check, clock, modelId, probes, questions } = parts;
    const { readyPath, healthPath } = questions;
    const { scheme } = check;
    this.#isReady = probes(this.instance, { scheme, path: readyPath }, clock);
    // What the first has learned about the endpoint holds for the other one, too.
    this.#isHealthy =
      readyPath === healthPath ? this.#isReady : probes(this.instance, { scheme, path: healthPath }, clock);
    this.#engine = new EngineWatch({ ...questions, endpoint: this.instance, scheme, modelId, clock });
    void this.instance.ended.then((ending) => this.#over(ending));
  }

  get disposed(): boolean {
    return this.#abort.signal.aborted;
  }

  /** What the engine is doing; null when it does not tell. */
  get metrics(): EngineMetrics | null {
    return this.#engine.metrics;
  }

  /** What a start is at: what the driver knows, else how much of the model has been read. */
  get progress(): Instance["progress"] {
    const percent = percentRead(this.#reading.bytes, this.#parts.modelBytes);
    return this.instance.progress ?? (percent === null ? undefined : { step: LOADING, percent });
  }

  /** Resolves when the probe in flight, if there is one, is over. */
  async settled(): Promise<void> {
    await this.#inFlight;
  }

  /** Probes until one passes (`onReady`) or the time is up (`onOver`), from when there can be an answer on. */
  awaitReady(): void {
    const { begun } = this.instance;
    if (begun) void begun.then(() => this.#awaitReady());
    else this.#awaitReady();
  }

  #awaitReady(): void {
    if (this.disposed) return;
    const { clock, check, listener } = this.#parts;
    const timeoutMs = check.timeout_seconds * 1000;
    const limits: StartLimits = {
      idleMs: idleLimitMs(check.start_timeout_seconds * 1000, this.#parts.modelBytes),
      maxGapMs: START_POLL_MS + timeoutMs + STALL_MS,
    };
    let deadline = beginStart(clock.monotonic());
    let last: ProbeResult | undefined;

    const look = async () => {
      const left = remainingMs(deadline, limits);
      // An expiry that could not be written has no time left, and is told again without another probe.
      const result = left > 0 ? await this.#look(this.#isReady, Math.min(timeoutMs, left)) : last;
      if (this.disposed) return;
      if (result?.outcome === "healthy") return this.#tell(() => listener.onReady(clock.monotonic() - this.#began));
      const loading = result?.outcome === "loading";
      deadline = afterLook(deadline, clock.monotonic(), loading || this.#reads() || this.#progressed, limits);
      this.#progressed = false;
      last = result ?? last;
      const late = expiry(deadline, limits);
      if (late !== undefined) return this.#tell(() => listener.onOver(endingOf(late, last)));
      if (result) await this.#tell(() => listener.onWaiting(loading ? null : result.reason));
    };
    const again = () => {
      void look()
        .catch(this.#parts.onError)
        .finally(() => {
          if (!this.disposed && this.#timer === undefined) {
            const left = remainingMs(deadline, limits);
            this.#after(left > 0 ? Math.min(START_POLL_MS, left) : START_POLL_MS, again);
          }
        });
    };
    again();
  }

  #reads(): boolean {
    const { pid } = this.instance;
    return pid !== undefined && this.#reading.look(pid);
  }

  /** Goes over from the start to the watching of `watch`, healthy as it has just passed a probe. */
  ready(): void {
    const { check, phase } = this.#parts;
    this.#watch(HEALTHY, check.interval_seconds * 1000 * phase, check.start_period_seconds * 1000);
  }

  /** Watches what an earlier run of the server left running; nothing is known of it until the first probe. */
  watch(): void {
    const longest = Math.min(this.#parts.check.interval_seconds * 1000, FIRST_PROBE_WITHIN_MS);
    this.#watch(UNKNOWN, longest * this.#parts.phase, 0);
  }

  [Symbol.dispose](): void {
    this.#abort.abort();
    this.#timer?.[Symbol.dispose]();
  }

  /**
   * Each interval one probe, on a grid that begins after `offsetMs`, so that many deployments do not probe at once.
   * Failures within `graceMs` do not count.
   */
  #watch(initial: Health, offsetMs: number, graceMs: number): void {
    const { clock, check, listener, onError } = this.#parts;
    const intervalMs = check.interval_seconds * 1000;
    const countFrom = clock.monotonic() + graceMs;
    let health = initial;
    let probing = false;
    const look = async () => {
      // Only the first probe, which is not on the grid, can still run when the next is due.
      if (probing) return;
      probing = true;
      try {
        const result = await this.#examine(check.timeout_seconds * 1000);
        if (this.disposed || !result) return;
        if (result.outcome !== "healthy" && clock.monotonic() < countFrom) return;
        const next = afterProbe(health, result.outcome === "healthy", check);
        await this.#tell(() => listener.onHealth(next, result.outcome === "healthy" ? null : result.reason));
        health = next;
      } finally {
        probing = false;
      }
    };
    this.#after(offsetMs, () => {
      this.#timer = every(clock, intervalMs, look, onError);
      void look().catch(onError);
    });
  }

  /** Whether it answers and, if it does, what it is doing and, when that says nothing, whether it still generates. */
  async #examine(timeoutMs: number): Promise<ProbeResult | undefined> {
    const answers = await this.#look(this.#isHealthy, timeoutMs);
    if (answers?.outcome !== "healthy") {
      this.#engine.forget();
      return answers;
    }
    const counted = await this.#look(async (ms, signal) => {
      await this.#engine.scrape(ms, signal);
      return answers;
    }, timeoutMs);
    const tokenMs = this.#engine.dueTimeoutMs;
    if (!counted || tokenMs === undefined) return counted;
    return await this.#look((ms, signal) => this.#engine.generate(ms, signal), tokenMs);
  }

  /** One probe; undefined when it shows nothing, because this server or the whole machine stood still meanwhile. */
  async #look(probe: Probe, timeoutMs: number): Promise<ProbeResult | undefined> {
    const { clock } = this.#parts;
    const [wall, monotonic] = [clock.now(), clock.monotonic()];
    let result: ProbeResult;
    try {
      const pending = probe(timeoutMs, this.#abort.signal);
      this.#inFlight = pending.catch(() => {});
      result = await pending;
    } catch (error) {
      if (this.disposed) return undefined;
      throw error;
    }
    // Some systems stop the monotonic clock while the machine sleeps; then the wall clock tells.
    const elapsed = Math.max(clock.now() - wall, clock.monotonic() - monotonic);
    return result.outcome === "healthy" || elapsed <= timeoutMs + STALL_MS ? result : undefined;
  }

  #tell(work: () => void): Promise<void> {
    return this.#parts.mailbox.step(() => {
      if (!this.disposed) work();
    });
  }

  /** An end is not seen again by the next probe, so it is told until it was heard. */
  #over(ending: Ending): void {
    this.#tell(() => this.#parts.listener.onOver(ending)).catch((error) => {
      this.#parts.onError(error);
      this.#timer?.[Symbol.dispose]();
      this.#after(RETRY_MS, () => this.#over(ending));
    });
  }

  #after(ms: number, run: () => void): void {
    this.#timer = this.#parts.clock.after(ms, () => {
      this.#timer = undefined;
      run();
    });
  }
}

function endingOf(expired: string, last: ProbeResult | undefined): Ending {
  if (!last || last.outcome === "healthy") return { reason: expired, timedOut: true };
  if (last.outcome === "failed") return { reason: `${expired}: ${last.reason}`, hint: last.hint, timedOut: true };
  const hint = "Check the engine's own log for why it loads so long.";
  return { reason: `${expired}: ${last.reason}`, hint, timedOut: true };
}
