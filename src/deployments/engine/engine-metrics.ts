import type { EngineMetrics } from "../../contract/index.ts";
import { type Series, samplesOf } from "./prometheus-text.ts";

type EngineName = EngineMetrics["engine"];

/** Under which names an engine tells each figure, the newest version's first; the first that is there counts. */
interface Names {
  readonly prefix: string;
  readonly running: readonly string[];
  readonly waiting: readonly string[];
  readonly promptTokens: readonly string[];
  readonly generatedTokens: readonly string[];
  /** Share of the cache in use, 0 to 1. */
  readonly cacheUsage: readonly string[];
  /** What else moves while it works, for engines whose token counters move only when a request ends. */
  readonly work: readonly string[];
}

/**
 * From the engines' sources: llama.cpp tools/server (b4000 and later; `kv_cache_usage_ratio` until 2025), vLLM v1/metrics
 * (`gpu_cache_usage_perc` until 0.10), SGLang srt/metrics, TGI router. llama.cpp's gauges of tokens a second are not
 * used: a scrape resets them, so that two who scrape spoil each other's.
 */
const ENGINES: Readonly<Record<EngineName, Names>> = {
  "llama.cpp": {
    prefix: "llamacpp:",
    running: ["llamacpp:requests_processing"],
    waiting: ["llamacpp:requests_deferred"],
    promptTokens: ["llamacpp:prompt_tokens_total"],
    generatedTokens: ["llamacpp:tokens_predicted_total"],
    cacheUsage: ["llamacpp:kv_cache_usage_ratio"],
    work: ["llamacpp:n_decode_total"],
  },
  vllm: {
    prefix: "vllm:",
    running: ["vllm:num_requests_running"],
    waiting: ["vllm:num_requests_waiting"],
    promptTokens: ["vllm:prompt_tokens_total"],
    generatedTokens: ["vllm:generation_tokens_total"],
    cacheUsage: ["vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc"],
    work: [],
  },
  sglang: {
    prefix: "sglang:",
    running: ["sglang:num_running_reqs"],
    waiting: ["sglang:num_queue_reqs"],
    promptTokens: ["sglang:prompt_tokens_total"],
    generatedTokens: ["sglang:generation_tokens_total"],
    cacheUsage: ["sglang:token_usage"],
    work: [],
  },
  tgi: {
    prefix: "tgi_",
    running: ["tgi_batch_current_size"],
    waiting: ["tgi_queue_size"],
    promptTokens: ["tgi_request_input_length_sum"],
    generatedTokens: ["tgi_request_generated_tokens_sum"],
    cacheUsage: [],
    work: ["tgi_request_success", "tgi_request_count"],
  },
};
const names = Object.keys(ENGINES) as EngineName[];
const PREFIXES = names.map((name) => ENGINES[name].prefix);

/** What one scrape told. Null for what the engine does not tell. */
export interface Figures {
  readonly engine: EngineName;
  readonly running: number | null;
  readonly waiting: number | null;
  readonly promptTokens: number | null;
  readonly generatedTokens: number | null;
  /** 0 to 1. */
  readonly cacheUsage: number | null;
  readonly work: number | null;
}

/** The figures in a metrics page of whichever engine; undefined when it is none that is known. */
export function figuresOf(page: string): Figures | undefined {
  const samples = samplesOf(page, PREFIXES);
  const engine = names.find((name) => [...samples.keys()].some((key) => key.startsWith(ENGINES[name].prefix)));
  if (engine === undefined) return undefined;
  const of = ENGINES[engine];
  return {
    engine,
    running: first(samples, of.running)?.sum ?? null,
    waiting: first(samples, of.waiting)?.sum ?? null,
    promptTokens: first(samples, of.promptTokens)?.sum ?? null,
    generatedTokens: first(samples, of.generatedTokens)?.sum ?? null,
    // Each replica has a cache of its own: the fullest one is where requests begin to wait.
    cacheUsage: first(samples, of.cacheUsage)?.max ?? null,
    work: first(samples, of.work)?.sum ?? null,
  };
}

function first(samples: ReadonlyMap<string, Series>, candidates: readonly string[]): Series | undefined {
  return candidates.map((name) => samples.get(name)).find((series) => series !== undefined);
}

/** Counters a second between two scrapes `ms` apart; null when one does not tell it, or the engine began anew meanwhile. */
export function perSecond(before: number | null | undefined, after: number | null, ms: number): number | null {
  if (before === null || before === undefined || after === null || ms <= 0 || after < before) return null;
  return ((after - before) * 1000) / ms;
}

/** Whether the engine has worked on tokens between two scrapes. */
export function moved(before: Figures, after: Figures): boolean {
  const counters = ["promptTokens", "generatedTokens", "work"] as const;
  return counters.some((name) => (after[name] ?? 0) > (before[name] ?? Number.POSITIVE_INFINITY));
}
