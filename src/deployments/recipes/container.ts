import { basename, dirname, isAbsolute, posix, relative, sep } from "node:path";
import type { Recipe } from "../../config/recipe.ts";
import { bytesOf } from "../../contract/index.ts";
import type { ContainerLaunch, Mount, Wanted } from "../drivers/driver.ts";

/** Where a model is found in the container; below it, so that nothing of the image is hidden. */
const MODEL_DIRECTORY = "/llm-manager/model";

/** A part of a GGUF file that was split: `model-00001-of-00003.gguf`. llama.cpp is told the first, and reads them all. */
const SPLIT = /-\d{5}-of-\d{5}\.gguf$/;

/** A place in the Hugging Face hub's cache, where a snapshot's files are links to `../../blobs`. */
const HUB_CACHE = new RegExp(`^(.*\\${sep}models--[^\\${sep}]+)\\${sep}snapshots\\${sep}`);

/** How things that a recipe's placeholders stand for are called inside its container. */
export interface Inside {
  readonly host: string;
  readonly port: number | null;
  readonly modelPath: string | null;
  readonly gpus: readonly number[] | null;
}

/**
 * What is different inside a container: where the engine listens, where its model is, and how its devices are counted.
 *
 * @param host where it is to listen on this machine.
 */
export function insideOf(recipe: Recipe, wanted: Wanted, modelPath: string | null, host: string): Inside {
  if (recipe.driver !== "docker") return { host, port: wanted.port, modelPath, gpus: wanted.gpus };
  const published = recipe.network !== "host";
  return {
    // Published ports arrive at the container's own address.
    host: published ? "0.0.0.0" : host,
    port: published && wanted.port !== null ? (recipe.container_port ?? wanted.port) : wanted.port,
    modelPath: modelPath === null ? null : modelInContainer(modelPath, recipe.mounts).path,
    // NVIDIA's runtime shows a container only its own devices, counted from 0.
    gpus: recipe.devices.length > 0 ? wanted.gpus : (wanted.gpus?.map((_, index) => index) ?? null),
  };
}

/** What a container is made of, besides its command and its limits. */
export function containerOf(recipe: Recipe, wanted: Wanted, modelPath: string | null): ContainerLaunch {
  const { entrypoint, network, mounts, devices, all_gpus: allGpus, user, pull } = recipe;
  const model = modelPath === null ? null : modelInContainer(modelPath, mounts).mount;
  const inside = insideOf(recipe, wanted, modelPath, wanted.host).port;
  return {
    entrypoint,
    network,
    publish: network === "host" || inside === null ? null : { inside, address: bindAddress(wanted.host) },
    mounts: [
      ...mounts.map(({ source, target, read_only: readOnly }) => ({ source, target, readOnly })),
      ...(model ? [model] : []),
    ],
    devices,
    allGpus,
    shmBytes: bytesOf(recipe.shm_size),
    user,
    pull,
  };
}

/**
 * Where the container finds a model of this machine, and what has to be mounted for that: nothing when it is below one of
 * the recipe's own mounts, otherwise the file or directory, with what belongs to it.
 */
export function modelInContainer(
  path: string,
  mounts: Recipe["mounts"],
): { readonly path: string; readonly mount: Mount | null } {
  for (const { source, target } of mounts) {
    const below = relative(source, path);
    if (below !== ".." && !below.startsWith(`..${sep}`) && !isAbsolute(below)) {
      return { path: posix.join(target, ...below.split(sep)), mount: null };
    }
  }
  const [, cached] = HUB_CACHE.exec(path) ?? [];
  const source = cached ?? (SPLIT.test(path) ? dirname(path) : path);
  const target = posix.join(MODEL_DIRECTORY, basename(source));
  return {
    path: posix.join(target, ...relative(source, path).split(sep)),
    mount: { source, target, readOnly: true },
  };
}

/** Docker publishes at addresses, not at names. */
function bindAddress(host: string): string {
  return host === "localhost" ? "127.0.0.1" : host;
}
