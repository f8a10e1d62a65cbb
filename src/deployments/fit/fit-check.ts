import type { Clock } from "../../clock.ts";
import type { Model, SystemResources } from "../../contract/index.ts";
import type { Resources } from "../../resources/sampler.ts";
import { modelReference } from "../recipes/model-reference.ts";
import { fitOf } from "./fit.ts";
import { ModelFileError, readModel } from "./model-file.ts";

/** A start does not wait longer for a disk or a GPU that does not answer. */
const DEADLINE_MS = 5_000;

/** What speaks against a start. */
export interface FitFinding {
  /** For people, without a full stop: what it needs and what is free, or what is wrong with its file. */
  readonly warning: string;
  /** Whether it is bigger than all memory there is for it, whatever else ends. */
  readonly never: boolean;
}

/** What a deployment may use of the machine, and makes room for. */
interface Wanted {
  readonly contextLength: number | null;
  readonly gpus: readonly number[] | null;
}

/** Looks at a model before it is started; undefined when nothing speaks against that, or nothing is known. Never throws. */
export type FitCheck = (model: Pick<Model, "uri" | "model_source">, wanted: Wanted) => Promise<FitFinding | undefined>;

export function createFitCheck(parts: {
  readonly resources: Pick<Resources, "latest" | "sample">;
  readonly clock: Clock;
  readonly read?: typeof readModel;
}): FitCheck {
  const { resources, clock, read = readModel } = parts;
  return async (model, wanted) => {
    const { path } = modelReference(model);
    if (path === null) return undefined;
    const late = Promise.withResolvers<undefined>();
    using _limit = clock.after(DEADLINE_MS, () => late.resolve(undefined));
    return await Promise.race([look(path, wanted), late.promise]);
  };

  async function look(path: string, wanted: Wanted): Promise<FitFinding | undefined> {
    try {
      const [facts, { data }] = await Promise.all([read(path), resources.latest() ?? resources.sample()]);
      const machine = { memory: data.memory, gpu: { ...data.gpu, devices: devicesFor(wanted.gpus, data) } };
      const fit = fitOf(facts, wanted.contextLength, machine);
      if (fit.verdict !== "not_free" && fit.verdict !== "never") return undefined;
      if (fit.memory_free_bytes === null && fit.gpu_memory_free_bytes === null) return undefined;
      // How long a context the engine makes room for is its own choice where nobody has said it.
      const sure = wanted.contextLength === null ? fitOf({ ...facts, shape: null }, 1, machine) : fit;
      return { warning: fit.message, never: sure.verdict === "never" };
    } catch (error) {
      if (!(error instanceof ModelFileError)) return undefined;
      // A missing one the engine misses, too: in a container it may be elsewhere. And engines know more kinds of files.
      const wrong = error.kind === "damaged" || (error.kind === "foreign" && path.toLowerCase().endsWith(".gguf"));
      return wrong ? { warning: error.message, never: false } : undefined;
    }
  }
}

/** All of them, unless those that it may use are said and there. */
function devicesFor(gpus: readonly number[] | null, { gpu }: SystemResources) {
  const chosen = gpu.devices.filter(({ id }) => gpus?.includes(id));
  return chosen.length === gpus?.length ? chosen : gpu.devices;
}
