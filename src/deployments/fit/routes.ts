import type { OpenAPIHono } from "@hono/zod-openapi";
import { ProblemError } from "../../contract/index.ts";
import { deploymentFitRoute } from "../../contract/rest/fit.ts";
import type { Models } from "../../models/models.ts";
import type { Resources } from "../../resources/sampler.ts";
import { modelReference } from "../recipes/model-reference.ts";
import { fitOf } from "./fit.ts";
import { type ModelFacts, ModelFileError, readModel } from "./model-file.ts";

export function mountFit(
  app: OpenAPIHono,
  { models, resources }: { models: Pick<Models, "require">; resources: Pick<Resources, "sample"> },
): void {
  app.openapi(deploymentFitRoute, async (c) => {
    const { model_id, context_length } = c.req.valid("json");
    const model = models.require(model_id);
    const { path } = modelReference(model);
    const { data } = await resources.sample();
    if (path === null) {
      if (model.size_bytes === null) throw unknown(`${model_id} names no file of this machine and has no size_bytes`);
      return c.json(fitOf({ weightsBytes: model.size_bytes, shape: null }, context_length ?? null, data), 200);
    }
    return c.json(fitOf(await read(path), context_length ?? null, data), 200);
  });
}

async function read(path: string): Promise<ModelFacts> {
  try {
    return await readModel(path);
  } catch (error) {
    if (error instanceof ModelFileError) throw unknown(error.message);
    throw error;
  }
}

function unknown(message: string): ProblemError {
  return new ProblemError("validation_failed", `The model cannot be measured: ${message}.`, [
    { field: "model_id", message },
  ]);
}
