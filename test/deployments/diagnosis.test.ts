import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { diagnose } from "../../src/deployments/diagnosis.ts";

const crash = { reason: "it ended with exit code 1", hint: "See its last log lines for why.", exitCode: 1, port: 8000 };
const of = (...lastLines: string[]) => diagnose({ ...crash, lastLines });

describe("what engines say", () => {
  // Each line as it stands, shortened, in the public issue named beside it.
  test.each([
    [
      "torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 1.63 GiB (GPU 0; 44.56 GiB total capacity)",
      "gpu_memory",
      "vllm#783",
    ],
    [
      "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 MiB. GPU 6 has a total capacity of 44.53 GiB",
      "gpu_memory",
      "vllm#15598",
    ],
    [
      "ValueError: The model's max seq len (4096) is larger than the maximum number of tokens that can be stored in KV cache (3664).",
      "gpu_memory",
      "vllm#2418",
    ],
    [
      "ggml_vulkan: Requested buffer size exceeds device buffer size limit: ErrorOutOfDeviceMemory",
      "gpu_memory",
      "llama.cpp#18160",
    ],
    ["ggml_gallocr_reserve_n: failed to allocate Vulkan0 buffer of size 4757131264", "gpu_memory", "llama.cpp#15009"],
    [
      "main: couldn't bind HTTP server socket, hostname: 127.0.0.1, port: 8080",
      "port_in_use",
      "Sakura_Launcher_GUI#71",
    ],
    ["OSError: [Errno 98] Address already in use", "port_in_use", "vllm#7514"],
    [
      "llama_model_load: error loading model: error loading model architecture: unknown model architecture: 'gemma4'",
      "unknown_architecture",
      "ollama#15546",
    ],
    [
      "ValueError: Model architectures ['MllamaForConditionalGeneration'] are not supported for now.",
      "unknown_architecture",
      "vllm#13475",
    ],
    [
      "llama_model_load: error loading model: tensor 'blk.2.ffn_down.weight' data is not within the file bounds, model is corrupted or incomplete",
      "model_invalid",
      "ollama#6228",
    ],
    ["gguf_init_from_file: invalid magic number 67676a74", "model_invalid", "llama.cpp#3492"],
    [
      "gguf_init_from_file: failed to open GGUF file '/home/user/models/gemma-3-12b-it-qat-q4_0.gguf'",
      "missing_file",
      "llama.cpp#15919",
    ],
    [
      "RuntimeError: CUDA error: CUDA driver version is insufficient for CUDA runtime version",
      "gpu_missing",
      "nunif#702",
    ],
    ["RuntimeError: No CUDA GPUs are available", "gpu_missing", "vllm#34296"],
    [
      "ImportError: libcuda.so.1: cannot open shared object file: No such file or directory",
      "gpu_missing",
      "vllm#7514",
    ],
    [
      "ImportError: flash_attn_2_cuda.cpython-310-x86_64-linux-gnu.so: undefined symbol: _ZN3c105ErrorC2ENS_14SourceLocation",
      "missing_library",
      "vllm#9377",
    ],
    ["error: invalid argument: --ngl", "bad_argument", "llama.cpp#23739"],
    ["error: unknown argument: -hf", "bad_argument", "llama.vscode#37"],
    ["api_server.py: error: unrecognized arguments: /root/models/Qwen3-8B", "bad_argument", "vllm#27389"],
    ["error: invalid parameter for argument: --grammar", "bad_argument", "llamafile#673"],
    // These are the C library's, the loader's, Python's and Docker's own words.
    [
      "llama-server: error while loading shared libraries: libgomp.so.1: cannot open shared object file: No such file or directory",
      "missing_library",
      "ld.so",
    ],
    ["PermissionError: [Errno 13] Permission denied: '/models/a.safetensors'", "permission", "Python"],
    ["FileNotFoundError: [Errno 2] No such file or directory: '/models/config.json'", "missing_file", "Python"],
    ["terminate called after throwing an instance of 'std::bad_alloc'", "memory", "libstdc++"],
    ['docker: could not select device driver "" with capabilities: [[gpu]]', "gpu_missing", "Docker"],
  ] as const)("%s is %s (%s)", (line, kind) => {
    const { class: found, reason, hint } = of("loading the model", line, "main: exiting due to model loading error");
    expect(found).toBe(kind);
    expect(reason).toContain("it ended with exit code 1");
    expect(reason).toContain(line.slice(0, 40));
    expect(hint).toBeTruthy();
  });

  test("last is what counts, and what they only warn of does not", () => {
    // vllm#7514: started anyway, and died of its port.
    expect(
      of(
        "OSError: [Errno 98] Address already in use",
        "WARNING 10-10 10:22:58 _custom_ops.py:18] Failed to import from vllm._C with ImportError('libcuda.so.1: cannot open shared object file: No such file or directory')",
      ).class,
    ).toBe("port_in_use");
    expect(of("ggml_cuda_init: no CUDA-capable device is detected", "error: invalid argument: --x").class).toBe(
      "bad_argument",
    );
  });

  test("to help is not taken for the cause", () => {
    // llama.cpp#15919 says this whatever the model could not be loaded for.
    const advice =
      "common_init_from_params: failed to load model 'm.gguf', try reducing --n-gpu-layers if you're running out of VRAM";
    expect(of("gguf_init_from_file: failed to open GGUF file 'm.gguf'", advice).class).toBe("missing_file");
  });

  test("of a port names the port in the hint", () => {
    expect(of("bind: Address already in use").hint).toContain("Port 8000");
  });

  test("is repeated without values that may be secrets, without colours, and not at any length", () => {
    const { reason } = of(`\u001b[31merror: invalid argument: --api-key=hunter2 ${"x".repeat(1_000)}`);
    expect(reason).not.toContain("hunter2");
    expect(reason).not.toContain("\u001b");
    expect(reason.length).toBeLessThan(400);
  });
});

describe("what the system says", () => {
  test("of memory goes before anything in the log", () => {
    const ending = { ...crash, reason: "it was killed for using too much memory (SIGKILL)", oom: true };
    expect(diagnose({ ...ending, lastLines: ["error: invalid argument: -x"] })).toMatchObject({
      class: "memory",
      reason: ending.reason,
    });
  });

  test("of a kill without a word suggests memory and does not claim it", () => {
    for (const how of [{ signal: "SIGKILL", exitCode: null }, { exitCode: 137 }]) {
      const { class: kind, hint } = diagnose({ ...crash, ...how, lastLines: ["serving"] });
      expect(kind).toBe("killed");
      expect(hint).toContain("memory");
    }
  });

  test("of a start that took too long, with what the log says of it", () => {
    const late = { reason: "it was not ready after 120 s", port: 8000, timedOut: true };
    expect(diagnose(late).class).toBe("start_timeout");
    expect(diagnose({ ...late, lastLines: ["RuntimeError: No CUDA GPUs are available"] }).class).toBe("gpu_missing");
  });

  test("in the driver's own reason is understood, and its hint kept", () => {
    const reason = "it could not be started: spawn /opt/llama-server ENOENT";
    expect(diagnose({ reason, hint: "Check the command.", port: null })).toEqual({
      class: "missing_file",
      reason,
      hint: "Check the command.",
    });
  });

  test("when it says nothing more, is what it says", () => {
    expect(of("serving", "bye")).toEqual({ class: "crashed", reason: crash.reason, hint: crash.hint });
    expect(diagnose({ reason: "the recipe is gone", port: null }).class).toBe("other");
  });
});

test("any lines give a class and keep the driver's reason", () => {
  fc.assert(
    fc.property(fc.array(fc.string({ maxLength: 3_000 })), (lastLines) => {
      const { reason } = diagnose({ ...crash, lastLines });
      expect(reason).toEndWith(crash.reason);
      expect(reason.length).toBeLessThan(QUOTED);
    }),
  );
});

const QUOTED = 400;
