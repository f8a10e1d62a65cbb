import { PLACEHOLDER_PATTERN, type Placeholder, type Recipe } from "../../config/recipe.ts";
import { bytesOf, type Model, type Problem, ProblemError } from "../../contract/index.ts";
import type { Launch, Target, Wanted } from "../drivers/driver.ts";
import { containerOf, insideOf } from "./container.ts";
import { modelReference } from "./model-reference.ts";

type Values = Readonly<Record<Placeholder, string | null>>;

/** What a recipe does not say and a launch needs. */
export interface Surroundings {
  /** Absolute, for `process`. */
  readonly executable: string | undefined;
  /** What an engine inherits of this server's environment. */
  readonly environment: Readonly<Record<string, string>>;
}

/**
 * A recipe with its placeholders filled in, and the caller's arguments behind it.
 *
 * A group of arguments or a variable whose placeholder has no value is left out; elsewhere a value must be there. A value
 * never becomes an option: where the recipe has none, an argument that begins with `-` is refused.
 *
 * @throws ProblemError `validation_failed` when a value is missing or would be taken for an option.
 */
export function resolveLaunch(recipe: Recipe, target: Target, model: Model, around: Surroundings): Launch {
  const { port } = target;
  if (port === null) throw new Error(`${target.deploymentId} has no port yet`);
  const { path } = modelReference(model);
  const values = valuesOf(recipe, target, model);
  // A process is started by the path of its executable, whatever the recipe calls it.
  const parts = recipe.driver === "process" ? recipe.command.slice(1) : recipe.command;
  const command = parts.flatMap((part) => (typeof part === "string" ? [fill(part, values)] : fillGroup(part, values)));
  const first = recipe.driver === "process" ? around.executable : undefined;
  return {
    runtime: recipe.name,
    host: reachable(target.host),
    port,
    argv: [...(first === undefined ? [] : [first]), ...command, ...target.args],
    env: {
      ...(recipe.driver === "process" ? around.environment : {}),
      ...fillVariables(recipe.env, values),
      ...target.env,
    },
    image: recipe.image,
    container: recipe.driver === "docker" ? containerOf(recipe, target, path) : null,
    workingDirectory: recipe.working_directory,
    modelPath: path,
    limits: { cpuCores: target.cpuCores, memoryBytes: bytesOf(target.memoryLimit), gpus: target.gpus },
    stop: { signal: recipe.stop_signal, graceMs: recipe.stop_grace_seconds * 1000 },
  };
}

/** What of the model does not fit the recipe, before anything is stored. */
export function modelErrors(recipe: Recipe, wanted: Wanted, model: Model): NonNullable<Problem["errors"]> {
  const { path, repo } = modelReference(model);
  const asked = placeholdersOf(recipe);
  const ways = [
    ...(asked.has("model_path") || asked.has("model_ref")
      ? ["a path on this machine (/models/a.gguf, file:///…)"]
      : []),
    ...(asked.has("model_repo") || asked.has("model_ref") ? ["a Hugging Face repository (hf://org/name)"] : []),
  ];
  const known =
    (path !== null && (asked.has("model_path") || asked.has("model_ref"))) ||
    (repo !== null && (asked.has("model_repo") || asked.has("model_ref")));
  if (ways.length > 0 && !known) {
    const has = model.uri === null ? "has no uri" : `has the uri ${model.uri}`;
    const message = `${has}, but runtime ${recipe.name} needs one that is ${ways.join(" or ")}`;
    return [{ field: "model_id", message }];
  }
  const missing = missingValue(
    recipe,
    valuesOf(recipe, { ...wanted, port: wanted.port ?? 1, deploymentId: "dep-1" }, model),
  );
  return missing === undefined
    ? []
    : [{ field: FIELDS[missing] ?? missing, message: `is needed for runtime ${recipe.name}` }];
}

/** The field of a request that a placeholder's value comes from. */
const FIELDS: Partial<Record<Placeholder, string>> = {
  gpu: "gpus",
  gpu_count: "gpus",
  model_uri: "model_id",
  model_path: "model_id",
  model_repo: "model_id",
  model_ref: "model_id",
};

function valuesOf(recipe: Recipe, target: Omit<Target, "startedAt">, model: Model): Values {
  const { path: modelPath, repo } = modelReference(model);
  const { contextLength, cpuCores } = target;
  const { host, port, modelPath: path, gpus } = insideOf(recipe, target, modelPath, listenOn(target.host));
  return {
    model_id: target.modelId,
    model_uri: model.uri,
    model_path: path,
    model_repo: repo,
    model_ref: path ?? repo,
    host,
    port: port === null ? null : String(port),
    gpu: gpus === null ? null : gpus.join(","),
    gpu_count: gpus === null || gpus.length === 0 ? null : String(gpus.length),
    context_length: contextLength === null ? null : String(contextLength),
    cpu_cores: cpuCores === null ? null : String(cpuCores),
    deployment_id: target.deploymentId,
  };
}

function placeholdersOf({ command, env }: Recipe): ReadonlySet<string> {
  const texts = [...command.flat(), ...Object.values(env)];
  return new Set(texts.flatMap((text) => namesIn(text)));
}

function namesIn(text: string): Placeholder[] {
  // The config's schema has let no other names through.
  return [...text.matchAll(PLACEHOLDER_PATTERN)].map(([, name]) => name as Placeholder);
}

/** The first value that must be there and is not. */
function missingValue({ command }: Recipe, values: Values): Placeholder | undefined {
  return command
    .filter((part) => typeof part === "string")
    .flatMap(namesIn)
    .find((name) => values[name] === null);
}

function fill(text: string, values: Values): string {
  const filled = text.replaceAll(PLACEHOLDER_PATTERN, (_, name: Placeholder) => {
    const value = values[name];
    if (value === null) throw new ProblemError("validation_failed", `The runtime needs a value for {${name}}.`);
    return value;
  });
  if (filled.startsWith("-") && !text.startsWith("-")) {
    throw new ProblemError("validation_failed", `${filled} would be taken for an option.`);
  }
  return filled;
}

function fillGroup(group: readonly string[], values: Values): string[] {
  return group.flatMap(namesIn).some((name) => values[name] === null) ? [] : group.map((part) => fill(part, values));
}

function fillVariables(env: Readonly<Record<string, string>>, values: Values): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, text]) => fillGroup([text], values).map((v) => [name, v])),
  );
}

/** `localhost` may be two addresses, and engines differ in which one they take. */
function listenOn(host: string): string {
  return host === "localhost" ? "127.0.0.1" : host;
}

/** An engine that listens everywhere is reached on this machine. */
export function reachable(host: string): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  return host === "::" ? "::1" : host;
}
