import type { Recipe } from "../../config/recipe.ts";
import type { Problem } from "../../contract/index.ts";
import type { Wanted } from "../drivers/driver.ts";

type Errors = NonNullable<Problem["errors"]>;

/**
 * Variables with which a program can be made to load or run something else. No caller sets them, whatever a recipe
 * allows; an operator's recipe can.
 */
const NEVER =
  /^(?:LD_|DYLD_|PYTHON|PERL|RUBY|NODE_|BUN_|DENO_|JAVA_|JDK_|_JAVA|LUA_|GCONV_|GIO_|GTK_|QT_|GLIBC_|MALLOC_|BASH|GIT_|SSH_|NPM_|PIP_|UV_|CONDA|VIRTUAL_ENV|LLM_MANAGER_|CUDA_INJECTION|CUDA_(?:HOME|PATH)|NVIDIA_DRIVER|OLLAMA_(?:HOST|MODELS|LIBRARY|RUNNERS|LLM_LIBRARY)|VLLM_(?:PLUGINS|CONFIG|CACHE)|HF_HUB_ENABLE|GGML_BACKEND_PATH|OPENSSL_|HSA_TOOLS|VK_(?:LAYER|ADD_LAYER|ICD|DRIVER|INSTANCE_LAYERS)|NCCL_(?:NET|TUNER|PROFILER)_PLUGIN|(?:CC|CXX|NVCC|TRITON_(?:CACHE|PTXAS)[A-Z_]*)$|PATH$|ENV$|HOME$|SHELL$|IFS$|TMPDIR$|EDITOR$|PAGER$|BROWSER$)/i;

/** Something that begins like an option, and not like a negative number. */
function isOption(arg: string): boolean {
  return arg.startsWith("-") && !/^-(?:[0-9]|\.[0-9])/.test(arg);
}

/** What of a caller's arguments and variables the recipe does not allow; empty when it allows all. */
export function callerErrors(recipe: Recipe, { args, env }: Pick<Wanted, "args" | "env">): Errors {
  return [...argumentErrors(recipe, args), ...variableErrors(recipe, env)];
}

/**
 * Each argument must be an option that is listed, by its whole name, with a value where it takes one: `--option value` or
 * `--option=value`. Nothing else is let through: an engine would take a word of its own for a model or a file, and what
 * begins like an option for one, even where a value was expected.
 */
function argumentErrors({ name, allowed_args: allowed }: Recipe, args: readonly string[]): Errors {
  const errors: Errors = [];
  const refuse = (index: number, message: string) => errors.push({ field: `args.${index}`, message });
  args.forEach((arg, index) => {
    if (arg.includes("\0")) refuse(index, "must not hold a NUL byte");
  });
  if (allowed.includes("*")) return errors;
  const options = allowed.map((option) => option.replace("=", "")).join(", ");
  const listed = options === "" ? `runtime ${name} takes no arguments` : `runtime ${name} takes ${options}`;
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] ?? "";
    const [option = "", value] = splitOnce(arg, "=");
    if (!isOption(arg)) refuse(i, `is not an option; ${listed}`);
    else if (allowed.includes(`${option}=`)) {
      if (value !== undefined) continue;
      const next = args[i + 1];
      if (next === undefined || isOption(next)) refuse(i, "needs a value after it");
      else i++;
    } else if (!allowed.includes(option)) refuse(i, `is not allowed; ${listed}`);
    else if (value !== undefined) refuse(i, "takes no value");
  }
  return errors;
}

function variableErrors({ name, allowed_env: allowed }: Recipe, env: Readonly<Record<string, string>>): Errors {
  const errors: Errors = [];
  for (const [variable, value] of Object.entries(env)) {
    const field = `env.${variable}`;
    if (NEVER.test(variable)) errors.push({ field, message: "can only be set by the operator, in the config file" });
    else if (!allowed.some((pattern) => matches(pattern, variable))) {
      const listed = allowed.length === 0 ? "takes no variables" : `takes ${allowed.join(", ")}`;
      errors.push({ field, message: `is not allowed; runtime ${name} ${listed}` });
    } else if (value.includes("\0")) errors.push({ field, message: "must not hold a NUL byte" });
  }
  return errors;
}

function matches(pattern: string, variable: string): boolean {
  return pattern.endsWith("*") ? variable.startsWith(pattern.slice(0, -1)) : variable === pattern;
}

function splitOnce(text: string, separator: string): readonly [string, string?] {
  const at = text.indexOf(separator);
  return at === -1 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}
