import { BLANK_CONTAINER } from "./container-fields.ts";
import type { Recipe, RecipeSettings } from "./recipe.ts";

/** Where a recipe says nothing else. */
export const BLANK: Omit<RecipeSettings, "driver"> = {
  description: "Defined in the config file",
  command: [],
  image: null,
  ...BLANK_CONTAINER,
  env: {},
  working_directory: null,
  allowed_args: [],
  allowed_env: [],
  ready_path: null,
  health_path: null,
  generation_path: null,
  metrics_path: null,
  engine: "other",
  // An engine that exits with 0 was told to by somebody; systemd recommends the same for what runs for long.
  restart_policy: "on-failure",
  stop_signal: "SIGTERM",
  // llama-swap's and Docker's default.
  stop_grace_seconds: 10,
};

/** Which devices an engine sees, as each vendor's libraries are told. */
const GPU_ENV = {
  CUDA_VISIBLE_DEVICES: "{gpu}",
  HIP_VISIBLE_DEVICES: "{gpu}",
};
const GPU_VARIABLES = ["CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES"];
const HUB_VARIABLES = ["HF_TOKEN", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "OMP_NUM_THREADS"];

/**
 * What a caller may add to each engine is listed, not what it may not: engines gain options with every release, and
 * some read files, import code or listen elsewhere (`--trust-remote-code`, `--middleware`, `--host`, `--log-file`).
 * Neither is an option's abbreviation accepted, which Python's argparse would.
 */
const LLAMA_SERVER_ARGS = [
  ...[
    "--ctx-size=",
    "-c=",
    "--n-gpu-layers=",
    "-ngl=",
    "--gpu-layers=",
    "--threads=",
    "-t=",
    "--threads-batch=",
    "-tb=",
  ],
  ...["--parallel=", "-np=", "--batch-size=", "-b=", "--ubatch-size=", "-ub=", "--predict=", "-n=", "--n-predict="],
  ...["--flash-attn=", "-fa=", "--cache-type-k=", "-ctk=", "--cache-type-v=", "-ctv=", "--split-mode=", "-sm="],
  ...["--tensor-split=", "-ts=", "--main-gpu=", "-mg=", "--n-cpu-moe=", "-ncmoe=", "--keep=", "--seed=", "-s="],
  ...["--rope-scaling=", "--rope-scale=", "--rope-freq-base=", "--rope-freq-scale=", "--yarn-orig-ctx=", "--pooling="],
  ...["--temp=", "--top-k=", "--top-p=", "--min-p=", "--repeat-penalty=", "--reasoning-format=", "--reasoning-budget="],
  ...["--cpu-moe", "-cmoe", "--mlock", "--no-mmap", "--cont-batching", "-cb", "--no-cont-batching", "--jinja"],
  ...["--embedding", "--embeddings", "--reranking", "--no-webui", "--swa-full", "--no-kv-offload", "-nkvo"],
  ...["--context-shift", "--no-context-shift", "--no-warmup", "--verbose", "-v"],
];
const VLLM_ARGS = [
  ...["--max-model-len=", "--gpu-memory-utilization=", "--max-num-seqs=", "--max-num-batched-tokens=", "--dtype="],
  ...["--quantization=", "-q=", "--kv-cache-dtype=", "--tensor-parallel-size=", "-tp=", "--pipeline-parallel-size="],
  ...["-pp=", "--data-parallel-size=", "--swap-space=", "--cpu-offload-gb=", "--block-size=", "--seed=", "--revision="],
  ...["--tokenizer-mode=", "--tool-call-parser=", "--reasoning-parser=", "--max-lora-rank="],
  ...["--served-model-name=", "--limit-mm-per-prompt=", "--uvicorn-log-level=", "--runner=", "--convert="],
  ...["--enforce-eager", "--enable-prefix-caching", "--no-enable-prefix-caching", "--enable-chunked-prefill"],
  ...["--enable-auto-tool-choice", "--disable-log-requests", "--enable-expert-parallel", "--enable-sleep-mode"],
];
const SGLANG_ARGS = [
  ...["--context-length=", "--mem-fraction-static=", "--max-running-requests=", "--max-total-tokens=", "--dtype="],
  ...["--quantization=", "--kv-cache-dtype=", "--tp-size=", "--tp=", "--dp-size=", "--dp=", "--chunked-prefill-size="],
  ...["--schedule-policy=", "--schedule-conservativeness=", "--attention-backend=", "--sampling-backend="],
  ...["--tool-call-parser=", "--reasoning-parser=", "--random-seed=", "--revision=", "--log-level="],
  ...["--disable-radix-cache", "--disable-cuda-graph", "--enable-torch-compile", "--is-embedding"],
];

/** Always there; a table of the same name in the config file changes one. */
export const shippedRecipes: readonly Recipe[] = [
  {
    ...BLANK,
    name: "llama-server",
    driver: "process",
    description: "llama.cpp's server: GGUF files, on CPU or GPU",
    command: [
      "llama-server",
      ["--model", "{model_path}"],
      ["--hf-repo", "{model_repo}"],
      ...["--host", "{host}", "--port", "{port}", "--alias", "{model_id}", "--metrics"],
      ["--ctx-size", "{context_length}"],
    ],
    env: GPU_ENV,
    allowed_args: LLAMA_SERVER_ARGS,
    allowed_env: [...GPU_VARIABLES, "HF_TOKEN", "OMP_NUM_THREADS", "GGML_CUDA_*"],
    ready_path: "/health",
    health_path: "/health",
    generation_path: "/v1/completions",
    metrics_path: "/metrics",
    engine: "llama.cpp",
  },
  {
    ...BLANK,
    name: "vllm",
    driver: "process",
    description: "vLLM's OpenAI-compatible server: safetensors, on GPU",
    command: [
      ...["vllm", "serve", "{model_ref}", "--host", "{host}", "--port", "{port}", "--served-model-name", "{model_id}"],
      ["--max-model-len", "{context_length}"],
      ["--tensor-parallel-size", "{gpu_count}"],
    ],
    env: GPU_ENV,
    allowed_args: VLLM_ARGS,
    allowed_env: [...GPU_VARIABLES, ...HUB_VARIABLES, "VLLM_LOGGING_LEVEL", "VLLM_ATTENTION_BACKEND"],
    ready_path: "/health",
    health_path: "/health",
    generation_path: "/v1/completions",
    metrics_path: "/metrics",
    engine: "vllm",
  },
  {
    ...BLANK,
    name: "sglang",
    driver: "process",
    description: "SGLang's OpenAI-compatible server: safetensors, on GPU",
    command: [
      ...["sglang", "serve", "--model-path", "{model_ref}", "--host", "{host}", "--port", "{port}"],
      ...["--served-model-name", "{model_id}", "--enable-metrics"],
      ["--context-length", "{context_length}"],
      ["--tp-size", "{gpu_count}"],
    ],
    env: GPU_ENV,
    allowed_args: SGLANG_ARGS,
    allowed_env: [...GPU_VARIABLES, ...HUB_VARIABLES],
    ready_path: "/health",
    health_path: "/health",
    generation_path: "/v1/completions",
    metrics_path: "/metrics",
    engine: "sglang",
  },
  {
    ...BLANK,
    name: "ollama",
    driver: "process",
    description: "A server of Ollama's of its own; it loads models of its store when they are asked for",
    command: ["ollama", "serve"],
    env: { OLLAMA_HOST: "{host}:{port}", OLLAMA_CONTEXT_LENGTH: "{context_length}", ...GPU_ENV },
    allowed_env: [
      ...GPU_VARIABLES,
      ...["OLLAMA_KEEP_ALIVE", "OLLAMA_NUM_PARALLEL", "OLLAMA_MAX_LOADED_MODELS", "OLLAMA_MAX_QUEUE"],
      ...["OLLAMA_FLASH_ATTENTION", "OLLAMA_KV_CACHE_TYPE", "OLLAMA_LOAD_TIMEOUT", "OLLAMA_CONTEXT_LENGTH"],
    ],
    ready_path: "/",
    health_path: "/",
    engine: "ollama",
  },
  {
    ...BLANK,
    name: "external",
    driver: "external",
    description: "An OpenAI-compatible HTTP endpoint that already runs; its health is watched",
    // There is nothing to start.
    restart_policy: "never",
  },
  {
    ...BLANK,
    name: "process",
    driver: "process",
    description: "Any program of this machine, once the config file says which",
  },
  {
    ...BLANK,
    name: "docker",
    driver: "docker",
    description: "A container of any image, once the config file says which",
  },
];
