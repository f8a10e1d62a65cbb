import { stripVTControlCharacters } from "node:util";
import type { FailureClass } from "../contract/index.ts";

/** What is known of a run that ended, or never came up. */
export interface Symptoms {
  /** What the driver or the start's deadline says, and what it advises. */
  readonly reason: string;
  readonly hint?: string | undefined;
  readonly exitCode?: number | null | undefined;
  readonly signal?: string | null | undefined;
  /** Whether the kernel or the container engine killed it for its memory. */
  readonly oom?: boolean | null | undefined;
  /** Oldest first. */
  readonly lastLines?: readonly string[] | undefined;
  readonly port: number | null;
  /** Its start has used up its time. */
  readonly timedOut?: boolean | undefined;
  /** It was ended from outside, so that what it wrote last is not why. */
  readonly outside?: boolean | undefined;
}

export interface Diagnosis {
  readonly class: FailureClass;
  readonly reason: string;
  readonly hint: string | undefined;
}

interface Rule {
  readonly class: FailureClass;
  readonly pattern: RegExp;
  readonly reason: string;
  readonly hint: string;
}

/** Shells and containers tell of SIGKILL as this exit code. */
const KILLED = 137;
/** How much of the engine's line goes into the reason. */
const QUOTE_LENGTH = 200;

/** Lines that warn of what the engine then does without; what it dies of is said in another. */
const WARNING = /\bwarn(ing)?\b/i;

/**
 * What engines say when they give up: llama.cpp, vLLM, SGLang and PyTorch in their own words, the rest in those of the
 * C library, Python, CUDA, HIP and Vulkan. Of a line that fits several, the first counts.
 */
const RULES: readonly Rule[] = [
  {
    class: "gpu_memory",
    pattern:
      /CUDA out of memory|OutOfMemoryError|CUDA error: out of memory|cudaMalloc failed|hipMalloc failed|HIP out of memory|CUDA_ERROR_OUT_OF_MEMORY|ErrorOutOfDeviceMemory|vk_error_out_of_device_memory|failed to allocate (CUDA|ROCm|HIP|Vulkan|Metal|SYCL)\S* buffer|unable to allocate (CUDA|ROCm|HIP|Vulkan|Metal|SYCL)\S* buffer|No available memory for the cache blocks|larger than the (maximum number of tokens|available KV cache memory)|Free memory on device .* is less than desired GPU memory utilization|Not enough memory\. Please try to increase --mem-fraction-static/i,
    reason: "it ran out of GPU memory",
    hint: "Choose a smaller or more strongly quantised model, a shorter context_length or fewer layers on the GPU, or stop what else uses the GPU.",
  },
  {
    class: "port_in_use",
    pattern:
      /address already in use|EADDRINUSE|Errno 98|Errno 48|couldn't bind (HTTP )?(to )?server socket|port \d+ is already in use/i,
    reason: "its port is in use",
    hint: "Stop what listens there, choose another port, or leave port out so that a free one is taken.",
  },
  {
    class: "unknown_architecture",
    pattern:
      /unknown (model )?architecture|Model architectures? .* (are|is) not supported|not recogni[sz]ed? (as a |this )?(model|architecture)|does not recognize this architecture|unknown pre-tokenizer type/i,
    reason: "its engine does not know this model's architecture",
    hint: "Update the engine, or deploy the model with a runtime that knows it.",
  },
  {
    class: "model_invalid",
    pattern:
      /not within the file bounds|corrupted or incomplete|invalid magic|bad magic|is this really a GGML file|failed to read (magic|tensor|key-value|header)|SafetensorError|HeaderTooLarge|InvalidHeader|MetadataIncompleteBuffer|tensor '[^']+' not found|wrong number of tensors|unexpected end of file|unexpectedly reached end of file/i,
    reason: "the model's file is damaged or not complete",
    hint: "Download it again and compare its size or checksum with the source's.",
  },
  {
    class: "gpu_missing",
    pattern:
      /no CUDA-capable device|No CUDA GPUs are available|Found no NVIDIA driver|CUDA driver version is insufficient|NVIDIA driver .* is too old|driver\/library version mismatch|libcuda\.so|libnvidia-ml\.so|NVML: (Driver|ERROR)|no HIP-capable device|hipErrorNoDevice|hsa_init Failed|Failed to infer device type|invalid device ordinal|Unable to determine the device handle|could not select device driver|vk::.*ErrorIncompatibleDriver|no usable GPU found/i,
    reason: "it found no GPU it can use",
    hint: "Check the driver (nvidia-smi, rocminfo), that gpus names devices there are, and that a container is given them.",
  },
  {
    class: "missing_library",
    pattern:
      /error while loading shared libraries|cannot open shared object file|Library not loaded|ModuleNotFoundError|No module named|undefined symbol|version `[^']+' not found/,
    reason: "a library it needs is missing",
    hint: "Install the library, or the engine anew; for one outside of the system's directories set LD_LIBRARY_PATH in the runtime's env.",
  },
  {
    class: "bad_argument",
    pattern:
      /error: (invalid|unknown) (argument|parameter)|unrecognized arguments?|unrecognized option|unknown option|invalid option|invalid choice:|expected one argument|the following arguments are required|error while handling argument|flag provided but not defined/i,
    reason: "it does not take one of its arguments",
    hint: "Check args of the deployment and the command of its runtime against the help of the engine's version.",
  },
  {
    class: "permission",
    pattern: /permission denied|EACCES|operation not permitted|GatedRepoError|401 Client Error|403 Client Error/i,
    reason: "it was not allowed to do something it needs",
    hint: "Give this server's user access to the model, the devices and the port (below 1024 needs more rights), or the engine a token for a gated model.",
  },
  {
    class: "missing_file",
    pattern:
      /no such file or directory|FileNotFoundError|ENOENT|failed to open GGUF file|does not exist|RepositoryNotFoundError|is not a local folder/i,
    reason: "a file it needs is missing",
    hint: "Check the model's uri: the file must be on this machine, readable, and for a container inside a mounted directory.",
  },
  {
    class: "memory",
    pattern:
      /std::bad_alloc|cannot allocate memory|MemoryError|ENOMEM|failed to allocate (CPU )?buffer|DefaultCPUAllocator: can't allocate memory|mlock.* failed|out of memory/i,
    reason: "it ran out of memory",
    hint: "Raise memory_limit, or choose a smaller model or a shorter context_length.",
  },
];

/** Why a run failed, from what is known of it: the surest evidence first. */
export function diagnose(symptoms: Symptoms): Diagnosis {
  const { oom, reason, hint, exitCode, signal, timedOut, outside } = symptoms;
  if (oom)
    return { class: "memory", reason, hint: hint ?? "Raise memory_limit, or choose a smaller model or context." };
  const said = outside ? undefined : lastWords(symptoms.lastLines ?? []);
  if (said) {
    const quoted = `${said.rule.reason} (${said.line}); ${reason}`;
    return { class: said.rule.class, reason: quoted, hint: adviceOf(said.rule, symptoms) };
  }
  // Nobody else asks with SIGKILL: the shim asks with the recipe's signal first, and that is no failure.
  if (signal === "SIGKILL" || exitCode === KILLED) {
    const advice =
      "The kernel kills what uses up the machine's memory (see dmesg): choose a smaller model or context, or somebody killed it by hand.";
    return { class: "killed", reason, hint: advice };
  }
  const own = RULES.find(({ pattern }) => pattern.test(reason));
  if (own) return { class: own.class, reason, hint: hint ?? own.hint };
  if (timedOut)
    return { class: "start_timeout", reason, hint: hint ?? "See its last log lines for what it waits for." };
  const ended = signal != null || exitCode != null;
  return { class: ended ? "crashed" : "other", reason, hint };
}

/** The last line that says why, as what an engine complains of last is what ends it. */
function lastWords(lines: readonly string[]): { rule: Rule; line: string } | undefined {
  for (const line of lines.toReversed()) {
    if (WARNING.test(line)) continue;
    const rule = RULES.find(({ pattern }) => pattern.test(line));
    if (rule) return { rule, line: quote(line) };
  }
  return undefined;
}

function adviceOf({ class: kind, hint }: Rule, { port }: Symptoms): string {
  return kind === "port_in_use" && port !== null ? `Port ${port}: ${hint}` : hint;
}

/** Without what steers a terminal; an argument's value may be a secret, so of `--option=value` only the option is repeated. */
function quote(line: string): string {
  const plain = stripVTControlCharacters(line)
    .replaceAll(/\p{Cc}/gu, " ")
    .replaceAll(/(--?[A-Za-z][\w-]*)=\S+/g, "$1=…")
    .trim();
  return plain.length > QUOTE_LENGTH ? `${plain.slice(0, QUOTE_LENGTH)}…` : plain;
}
