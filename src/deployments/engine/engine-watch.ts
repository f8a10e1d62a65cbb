import { z } from "zod";
import { type Clock, isoTime } from "../../clock.ts";
import type { EngineMetrics } from "../../contract/index.ts";
import { connectFailure } from "../connect-failure.ts";
import { ask, type Endpoint, LateError, readSome, urlOf, within } from "../endpoint.ts";
import type { ProbeResult } from "../probe.ts";
import { type Figures, figuresOf, moved, perSecond } from "./engine-metrics.ts";
import {
  afterCounters,
  afterGeneration,
  beginGeneration,
  type GenerationOutcome,
  type GenerationState,
  isGenerationDue,
} from "./generation-schedule.ts";

/** vLLM's page has about 200 KB with one model; what is beyond this is not read. */
const PAGE_LIMIT_BYTES = 2 * 1024 * 1024;
const ANSWER_LIMIT_BYTES = 64 * 1024;
/** An engine without such a page, or whose page says nothing that is known, is asked again this much later. */
const NO_METRICS_PAUSE_MS = 60_000;

const HEALTHY: ProbeResult = { outcome: "healthy" };
const modelList = z.object({ data: z.array(z.object({ id: z.string() })).min(1) });

/** What can be asked of an engine besides whether it is there. */
export interface EngineQuestions {
  /** Of its Prometheus metrics; null to leave them alone. */
  readonly metricsPath: string | null;
  /** Null where a token cannot or should not be asked for. */
  readonly generation: { readonly path: string; readonly intervalMs: number; readonly timeoutMs: number } | null;
}

export interface EngineWatchParts extends EngineQuestions {
  readonly endpoint: Endpoint;
  readonly scheme: string;
  /** What the model is called unless the engine says otherwise. */
  readonly modelId: string;
  readonly clock: Clock;
}

/**
 * An engine that answers: what it is doing, from its metrics, and whether it still generates, from tokens that move or, if
 * none do, from one that is asked for. An engine can hang and still say on its health path that it is well.
 */
export class EngineWatch {
  readonly #parts: EngineWatchParts;
  #metrics: EngineMetrics | null = null;
  #last: { readonly figures: Figures; readonly at: number } | undefined;
  #metricsFrom = Number.NEGATIVE_INFINITY;
  #generation: GenerationState;
  #model: string | undefined;

  constructor(parts: EngineWatchParts) {
    this.#parts = parts;
    this.#generation = beginGeneration(parts.clock.monotonic());
  }

  /** Of the last look; null when the engine tells none, or not now. */
  get metrics(): EngineMetrics | null {
    return this.#metrics;
  }

  /** Reads the metrics. That they cannot be had is no failure. Rejects only when `signal` is aborted. */
  async scrape(timeoutMs: number, signal: AbortSignal): Promise<void> {
    const { clock, metricsPath } = this.#parts;
    if (metricsPath === null || clock.monotonic() < this.#metricsFrom) return;
    const figures = await this.#page(metricsPath, timeoutMs, signal);
    const at = clock.monotonic();
    if (figures) {
      const before = this.#last;
      this.#metrics = toMetrics(figures, before?.figures, at - (before?.at ?? at), clock.now());
      if (before) this.#generation = afterCounters(this.#generation, moved(before.figures, figures), at);
      this.#last = { figures, at };
    } else this.forget();
  }

  /** The engine did not answer, so what it told before is not true any more. */
  forget(): void {
    this.#metrics = null;
    this.#last = undefined;
  }

  /** How long to wait for a token that should be asked for now; undefined when none should. */
  get dueTimeoutMs(): number | undefined {
    const { generation, clock } = this.#parts;
    if (!generation || !isGenerationDue(this.#generation, clock.monotonic(), generation.intervalMs)) return undefined;
    return generation.timeoutMs;
  }

  /** Asks for one token. Rejects only when `signal` is aborted. */
  async generate(timeoutMs: number, signal: AbortSignal): Promise<ProbeResult> {
    const { clock, endpoint, generation, scheme } = this.#parts;
    if (!generation) return HEALTHY;
    const url = urlOf(scheme, endpoint, generation.path);
    let outcome: GenerationOutcome = "failed";
    let result: ProbeResult;
    try {
      const status = await within(clock, timeoutMs, signal, (inner) => this.#token(url, inner));
      outcome = judge(status);
      result = outcome === "failed" ? broken(`answered ${status}`, url) : HEALTHY;
    } catch (error) {
      signal.throwIfAborted();
      result =
        error instanceof LateError
          ? broken(`it gave no token within ${timeoutMs / 1000} s`, url)
          : { outcome: "failed", ...connectFailure(error, url, endpoint.host) };
    }
    this.#generation = afterGeneration(this.#generation, outcome, clock.monotonic());
    return result;
  }

  async #page(path: string, timeoutMs: number, signal: AbortSignal): Promise<Figures | undefined> {
    const { clock, endpoint, scheme } = this.#parts;
    try {
      return await within(clock, timeoutMs, signal, async (inner) => {
        const response = await ask(urlOf(scheme, endpoint, path), endpoint.host, inner);
        const figures = response.ok ? figuresOf(await readSome(response, PAGE_LIMIT_BYTES)) : undefined;
        if (!figures) this.#metricsFrom = clock.monotonic() + NO_METRICS_PAUSE_MS;
        return figures;
      });
    } catch {
      signal.throwIfAborted();
      return undefined;
    }
  }

  /** @returns the status of the answer. */
  async #token(url: string, signal: AbortSignal): Promise<number> {
    const { endpoint, generation } = this.#parts;
    const model = await this.#served(signal);
    const same = { model, max_tokens: 1, temperature: 0, stream: false };
    const question = generation?.path.includes("chat")
      ? { ...same, messages: [{ role: "user", content: "Hi" }] }
      : { ...same, prompt: "Hi" };
    const response = await ask(url, endpoint.host, signal, question);
    // A status may come before the token does.
    await readSome(response, ANSWER_LIMIT_BYTES);
    return response.status;
  }

  /** The name under which the engine serves its model. */
  async #served(signal: AbortSignal): Promise<string> {
    if (this.#model !== undefined) return this.#model;
    const { endpoint, scheme, modelId } = this.#parts;
    const response = await ask(urlOf(scheme, endpoint, "/v1/models"), endpoint.host, signal);
    const body = await readSome(response, ANSWER_LIMIT_BYTES);
    const list = response.ok ? modelList.safeParse(parsed(body)) : undefined;
    const ids = list?.success ? list.data.data.map(({ id }) => id) : [];
    this.#model = ids.includes(modelId) ? modelId : (ids[0] ?? modelId);
    return this.#model;
  }
}

/** 429 is an engine that is busy. With another 4xx it refuses the question, which says nothing of its generating. */
function judge(status: number): GenerationOutcome {
  if (status < 300 || status === 429) return "passed";
  return status < 500 || status === 501 ? "unable" : "failed";
}

function broken(what: string, url: string): ProbeResult {
  return {
    outcome: "failed",
    reason: `the engine does not generate: ${what} at ${url}`,
    hint: "It still answers its health check, so it hangs or its queue is stuck: see its log, and restart it.",
  };
}

function toMetrics(figures: Figures, before: Figures | undefined, ms: number, now: number): EngineMetrics {
  const { engine, running, waiting, promptTokens, generatedTokens, cacheUsage } = figures;
  return {
    engine,
    requests_running: running,
    requests_waiting: waiting,
    prompt_tokens_per_second: rounded(perSecond(before?.promptTokens, promptTokens, ms)),
    generation_tokens_per_second: rounded(perSecond(before?.generatedTokens, generatedTokens, ms)),
    prompt_tokens_total: promptTokens,
    generation_tokens_total: generatedTokens,
    cache_usage_percent: cacheUsage === null ? null : rounded(cacheUsage * 100),
    sampled_at: isoTime(now),
  };
}

/** One decimal: what is measured is not more exact. */
function rounded(value: number | null): number | null {
  return value === null ? null : Math.round(value * 10) / 10;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
