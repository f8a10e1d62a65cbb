import { z } from "@hono/zod-openapi";
import { modelId } from "./primitives.ts";

export const fitRequest = z
  .strictObject({
    model_id: modelId,
    /** Tokens to make room for; what the model was trained for when left out. */
    context_length: z.number().int().positive().max(100_000_000).optional(),
  })
  .openapi("FitRequest");

const byteCount = z.number().int().nonnegative();

/** Whether a model finds room on this machine now. An estimate: engines differ in what else they take. */
export const deploymentFit = z
  .object({
    /** `never`: bigger than all memory of the machine. `not_free`: it would fit if nothing else ran. */
    verdict: z.enum(["fits_gpu", "fits_partly_gpu", "fits_memory", "not_free", "never"]),
    /** For people: what it needs, and what is free. */
    message: z.string(),
    context_length: z.number().int().positive(),
    weights_bytes: byteCount,
    /** In 16 bits; null when the model's files do not say how big it is. */
    kv_cache_bytes: byteCount.nullable(),
    /** Weights, cache, and half a gigabyte for the engine. */
    needed_bytes: byteCount,
    /** Null where the machine does not tell. */
    memory_free_bytes: byteCount.nullable(),
    /** Of all devices; null without any, or where they do not tell. */
    gpu_memory_free_bytes: byteCount.nullable(),
  })
  .openapi("DeploymentFit");
export type DeploymentFit = z.infer<typeof deploymentFit>;
