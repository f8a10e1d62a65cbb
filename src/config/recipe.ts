import { z } from "zod";
import { containerFields } from "./container-fields.ts";

/**
 * A runtime as the operator defines it: a `[runtimes.NAME]` table of the config file. Every key is optional, because a
 * table changes the recipe it is based on; what is left out stays as it is there.
 */

/** What an argument or a variable may hold in braces; what each is, is said in docs/runtimes.md. */
export const PLACEHOLDERS = [
  "model_id",
  "model_uri",
  "model_path",
  "model_repo",
  "model_ref",
  "host",
  "port",
  "gpu",
  "gpu_count",
  "context_length",
  "cpu_cores",
  "deployment_id",
] as const;
export type Placeholder = (typeof PLACEHOLDERS)[number];

/** `{name}`; a brace that is not one of these is left alone, as JSON arguments have braces, too. */
export const PLACEHOLDER_PATTERN = /\{([a-z][a-z_]*)\}/g;

const NUL = "\0";
const template = z
  .string()
  .max(8_192)
  .refine((text) => !text.includes(NUL), "must not hold a NUL byte");

function refuseUnknownPlaceholders(texts: readonly string[], context: z.RefinementCtx): void {
  for (const [whole, name] of texts.flatMap((text) => [...text.matchAll(PLACEHOLDER_PATTERN)])) {
    if ((PLACEHOLDERS as readonly string[]).includes(name ?? "")) continue;
    context.addIssue(`must not have ${whole}; the placeholders are ${PLACEHOLDERS.join(", ")}`);
  }
}

/** Arguments that belong together: left out as a whole when a placeholder in them has no value. */
const group = z.array(template).min(1).max(32);
const variableName = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "must be the name of a variable");
const path = z.string().max(2_048).regex(/^\//, "must begin with /");

/** Signals an engine can be asked to end with. */
export const stopSignals = ["SIGTERM", "SIGINT", "SIGQUIT", "SIGHUP", "SIGUSR1", "SIGUSR2"] as const;
export const engines = ["llama.cpp", "vllm", "sglang", "ollama", "tgi", "other"] as const;
export const restartPolicies = ["always", "on-failure", "never"] as const;
export const driverKinds = ["process", "docker", "external"] as const;

const fields = {
  driver: z.enum(driverKinds, { error: `must be ${driverKinds.join(", ")}` }),
  description: z.string().min(1).max(500),
  /**
   * The executable (a path, or a name that is looked up on PATH) and its arguments; for `docker` what follows the image's
   * entrypoint. No shell reads it.
   */
  command: z
    .array(z.union([template, group], { error: "must be a list of strings, and of lists of them" }))
    .max(128)
    .superRefine((parts, context) => refuseUnknownPlaceholders(parts.flat(), context)),
  /** The container's image, for `docker`. */
  image: z.string().max(512).nullable(),
  ...containerFields,
  env: z
    .record(variableName, template)
    .superRefine((env, context) => refuseUnknownPlaceholders(Object.values(env), context)),
  working_directory: z.string().min(1).nullable(),
  /** Options that callers may add: `--switch`, `--option=` for one with a value, or `*` for any argument. */
  allowed_args: z.array(
    z.string().regex(/^(?:\*|--?[A-Za-z0-9][A-Za-z0-9._-]*=?)$/, "must look like --switch, --option= or *"),
  ),
  /** Variables that callers may set: `NAME`, `PREFIX_*` or `*`. */
  allowed_env: z.array(z.string().regex(/^(?:\*|[A-Za-z_][A-Za-z0-9_]*\*?)$/, "must look like NAME, PREFIX_* or *")),
  /** What is asked until the engine is ready, and after that. Null: the usual paths are tried. */
  ready_path: path.nullable(),
  health_path: path.nullable(),
  /** Where one token can be asked for in OpenAI's format, to tell an engine that hangs; null where that is not possible. */
  generation_path: path.nullable(),
  /** Prometheus metrics; null where there are none. */
  metrics_path: path.nullable(),
  engine: z.enum(engines, { error: `must be ${engines.join(", ")}` }),
  /** What a deployment gets that does not say. */
  restart_policy: z.enum(restartPolicies, { error: `must be ${restartPolicies.join(", ")}` }),
  stop_signal: z.enum(stopSignals, { error: `must be ${stopSignals.join(", ")}` }),
  /** Between the signal and SIGKILL. */
  stop_grace_seconds: z.number().min(0, "must be 0 to 3600").max(3_600, "must be 0 to 3600"),
};

const settings = z.object(fields);

/** A complete recipe, under the keys that the config file has. */
export type RecipeSettings = Readonly<z.infer<typeof settings>>;
export interface Recipe extends RecipeSettings {
  readonly name: string;
}

/** One table of the config file. `extends` names the recipe that it is based on. */
export const recipeTable = settings.partial().extend({ extends: z.string().optional() }).strict();
export type RecipeTable = z.infer<typeof recipeTable>;

/** The keys of a table, for a message that refuses another. */
export const RECIPE_KEYS: readonly string[] = ["extends", ...Object.keys(fields)];

export const recipeName = /^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$/;
