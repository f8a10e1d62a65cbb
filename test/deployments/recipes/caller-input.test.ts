import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { BLANK, shippedRecipes } from "../../../src/config/shipped-recipes.ts";
import { callerErrors } from "../../../src/deployments/recipes/caller-input.ts";

const recipe = {
  ...BLANK,
  name: "mine",
  driver: "process" as const,
  allowed_args: ["--threads=", "-t=", "--mlock"],
  allowed_env: ["OMP_NUM_THREADS", "GGML_*"],
};

function check(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  return callerErrors(recipe, { args, env });
}

describe("arguments of a caller", () => {
  test.each([
    [["--threads", "4"]],
    [["--threads=4", "--mlock", "-t", "2"]],
    [["--threads", "-1"]],
    [["--threads", "/any value; $(even this)"]],
    [[]],
  ])("%j are let through", (args) => {
    expect(check(args)).toEqual([]);
  });

  test.each([
    [["--log-file", "/etc/cron.d/x"], "args.0", "is not allowed"],
    [["--thread", "4"], "args.0", "is not allowed"],
    [["/bin/sh"], "args.0", "is not an option"],
    [["--mlock", "/bin/sh"], "args.1", "is not an option"],
    [["--threads", "--log-file"], "args.0", "needs a value"],
    [["--threads"], "args.0", "needs a value"],
    [["--mlock=yes"], "args.0", "takes no value"],
    [["--"], "args.0", "is not allowed"],
    [["-"], "args.0", "is not allowed"],
    [["-t4"], "args.0", "is not allowed"],
    [["--threads=4\0--log-file"], "args.0", "NUL"],
  ])("%j are refused", (args, field, message) => {
    expect(check(args)[0]).toMatchObject({ field, message: expect.stringContaining(message) });
  });

  test("whatever is let through is made of listed options and their values, and nothing else", () => {
    const word = fc.oneof(
      fc.constantFrom("--threads", "-t", "--mlock", "--threads=1", "--evil", "x", "-1"),
      fc.string(),
    );
    fc.assert(
      fc.property(fc.array(word, { maxLength: 6 }), (args) => {
        if (check(args).length > 0) return;
        for (let i = 0; i < args.length; i++) {
          if (args[i] === "--mlock") continue;
          if (/^(?:--threads|-t)=/s.test(args[i] ?? "")) continue;
          expect(["--threads", "-t"]).toContain(args[i] ?? "");
          expect(args[++i]).not.toMatch(/^-(?![0-9.])/);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  test("an operator who says * takes them as they are", () => {
    expect(callerErrors({ ...recipe, allowed_args: ["*"] }, { args: ["serve", "--any", "x"], env: {} })).toEqual([]);
  });
});

describe("variables of a caller", () => {
  test("are those that the recipe lists, by name or by beginning", () => {
    expect(check([], { OMP_NUM_THREADS: "4", GGML_CUDA_X: "1" })).toEqual([]);
    expect(check([], { OMP_NUM_THREADS_X: "4" })).toMatchObject([
      { field: "env.OMP_NUM_THREADS_X", message: "is not allowed; runtime mine takes OMP_NUM_THREADS, GGML_*" },
    ]);
  });

  test.each([
    ...["LD_PRELOAD", "LD_LIBRARY_PATH", "LD_AUDIT", "DYLD_INSERT_LIBRARIES", "PATH", "PYTHONSTARTUP", "PYTHONPATH"],
    ...[
      "GGML_BACKEND_PATH",
      "OPENSSL_CONF",
      "OPENSSL_MODULES",
      "HSA_TOOLS_LIB",
      "VK_ICD_FILENAMES",
      "NCCL_NET_PLUGIN",
      "CC",
      "CXX",
    ],
    ...[
      "PYTHONHOME",
      "PERL5OPT",
      "RUBYOPT",
      "NODE_OPTIONS",
      "BUN_OPTIONS",
      "JAVA_TOOL_OPTIONS",
      "BASH_ENV",
      "ENV",
      "IFS",
    ],
    ...[
      "GLIBC_TUNABLES",
      "GCONV_PATH",
      "GIT_SSH_COMMAND",
      "SHELL",
      "HOME",
      "VLLM_PLUGINS",
      "OLLAMA_MODELS",
      "ld_preload",
    ],
    ...["CUDA_INJECTION64_PATH", "LLM_MANAGER_TOKEN"],
  ])("%s is nobody's but the operator's, even where all are allowed", (name) => {
    expect(callerErrors({ ...recipe, allowed_env: ["*"] }, { args: [], env: { [name]: "x" } })).toEqual([
      { field: `env.${name}`, message: "can only be set by the operator, in the config file" },
    ]);
  });
});

test("no shipped recipe lets a caller have code loaded, files read or written, or the address changed", () => {
  const dangerous =
    /host|port|(?:^|-)(?:log-)?file|path|dir|plugin|trust|middleware|worker-cls|chat-template|ssl|config|api-key|model=|lora=|rpc|download|load-format/;
  for (const { name, allowed_args: allowed } of shippedRecipes) {
    expect([name, allowed.filter((option) => dangerous.test(option))]).toEqual([name, []]);
  }
});
