import type { DeploymentFit, SystemResources } from "../../contract/index.ts";
import type { ModelFacts } from "./model-file.ts";

/** Engines keep the KV cache in 16 bits unless told otherwise. */
const CACHE_BYTES = 2;
/** What an engine needs besides weights and cache: llama.cpp's and vLLM's buffers and CUDA's context, roughly. */
const OVERHEAD_BYTES = 2 ** 29;
/** Context that is counted with where neither caller nor model say: llama-server's own default. */
const CONTEXT_LENGTH = 4_096;

/**
 * How much memory a model needs with a context of so many tokens, beside what is free. The KV cache is
 * 2 · layers · key/value heads · head length · tokens · bytes, e.g. 32 · 8 · 128 · 8192 · 2 · 2 B = 1 GiB.
 */
export function fitOf(
  facts: ModelFacts,
  wanted: number | null,
  { memory, gpu }: Pick<SystemResources, "memory" | "gpu">,
): DeploymentFit {
  const contextLength = wanted ?? facts.shape?.contextLength ?? CONTEXT_LENGTH;
  const cache = facts.shape ? facts.shape.cacheWidth * contextLength * CACHE_BYTES : null;
  const needed = facts.weightsBytes + (cache ?? 0) + OVERHEAD_BYTES;
  const { total_gb, available_gb } = memory;
  const ram = total_gb === null || available_gb === null ? null : { total: bytes(total_gb), free: bytes(available_gb) };
  const devices = gpu.devices.map(({ memory_total_gb: total, memory_used_gb: used }) =>
    total == null || used == null ? null : { total: bytes(total), free: bytes(Math.max(0, total - used)) },
  );
  const known = devices.filter((device) => device !== null);
  const vram = known.length > 0 ? sum(known) : null;
  const all = sum([ram, vram].filter((part) => part !== null));
  const verdict =
    vram && needed <= vram.free
      ? "fits_gpu"
      : needed <= all.free
        ? vram
          ? "fits_partly_gpu"
          : "fits_memory"
        : needed <= all.total || !ram || devices.includes(null)
          ? "not_free"
          : "never";
  const parts = [vram && `${gib(vram.free)} of GPU memory`, ram && `${gib(ram.free)} of memory`];
  const free = parts.filter((part) => part !== null).join(" and ") || "unknown amounts";
  return {
    verdict,
    message: `${WORDS[verdict]}: it needs about ${gib(needed)} with a context of ${contextLength} tokens; free are ${free}`,
    context_length: contextLength,
    weights_bytes: facts.weightsBytes,
    kv_cache_bytes: cache,
    needed_bytes: needed,
    memory_free_bytes: ram?.free ?? null,
    gpu_memory_free_bytes: vram?.free ?? null,
  };
}

const WORDS = {
  fits_gpu: "It fits into GPU memory",
  fits_partly_gpu: "It does not fit into GPU memory alone, and with the machine's memory it does",
  fits_memory: "It fits into memory",
  not_free: "There is not enough free memory for it now",
  never: "It is bigger than all memory there is for it",
} as const satisfies Record<DeploymentFit["verdict"], string>;

function sum(devices: readonly { total: number; free: number }[]) {
  return devices.reduce((all, { total, free }) => ({ total: all.total + total, free: all.free + free }), {
    total: 0,
    free: 0,
  });
}

function bytes(gigabytes: number): number {
  return Math.round(gigabytes * 2 ** 30);
}

function gib(value: number): string {
  return `${(value / 2 ** 30).toFixed(1)} GiB`;
}
