import { z } from "@hono/zod-openapi";
import { modelId, timestamp } from "./primitives.ts";

/** Where a model comes from: `huggingface`, `ollama`, `local`, `url`, … (a lower-case word). */
export const modelSource = z
  .string()
  .regex(/^[a-z0-9][a-z0-9_.-]{0,63}$/, "must be a lower-case word such as huggingface, ollama, local or url")
  .openapi({ example: "huggingface" });

const name = z.string().trim().min(1, "must not be empty").max(200, "must be at most 200 characters");
const uri = z.string().min(1).max(2048).openapi({ example: "hf://meta-llama/Llama-2-7b-chat-hf" });
const details = {
  description: z.string().max(4000).nullable(),
  /** Size of the weights on disk. */
  size_bytes: z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER).nullable(),
  /** Tokens the model can attend to. */
  context_length: z.number().int().positive().max(Number.MAX_SAFE_INTEGER).nullable(),
  tags: z.array(z.string().min(1).max(64)).max(32),
};

export const model = z
  .object({
    model_id: modelId,
    name,
    model_source: modelSource,
    uri: uri.nullable(),
    ...details,
    created_at: timestamp,
    updated_at: timestamp,
  })
  .openapi("Model");

export const createModel = z
  .strictObject({
    model_id: modelId,
    name,
    model_source: modelSource,
    uri: uri.nullable().default(null),
    description: details.description.default(null),
    size_bytes: details.size_bytes.default(null),
    context_length: details.context_length.default(null),
    tags: details.tags.default([]),
  })
  .openapi("CreateModel");

/** Every field is optional, at least one must be there; `model_id` never changes. */
export const updateModel = z
  .strictObject({
    name: name.optional(),
    model_source: modelSource.optional(),
    uri: uri.nullable().optional(),
    description: details.description.optional(),
    size_bytes: details.size_bytes.optional(),
    context_length: details.context_length.optional(),
    tags: details.tags.optional(),
  })
  .refine((patch) => Object.keys(patch).length > 0, "must change at least one field")
  .openapi("UpdateModel");

export type Model = z.infer<typeof model>;
export type CreateModel = z.infer<typeof createModel>;
export type UpdateModel = z.infer<typeof updateModel>;
