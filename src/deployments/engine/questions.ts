import type { Recipe } from "../../config/recipe.ts";
import type { HealthCheck } from "../../contract/index.ts";
import type { EngineQuestions } from "./engine-watch.ts";

/** What a run is asked, and where. Null for a path: the usual ones are tried. */
export interface Questions extends EngineQuestions {
  readonly readyPath: string | null;
  readonly healthPath: string | null;
}

/** What the deployment says counts before what its recipe says; a recipe that is gone says nothing. */
export function questionsOf(recipe: Recipe | undefined, check: HealthCheck): Questions {
  const path = check.generation_path ?? recipe?.generation_path ?? null;
  const intervalMs = check.generation_interval_seconds * 1000;
  return {
    readyPath: check.path ?? recipe?.ready_path ?? null,
    healthPath: check.path ?? recipe?.health_path ?? null,
    metricsPath: check.metrics_path ?? recipe?.metrics_path ?? null,
    generation:
      path === null || intervalMs === 0
        ? null
        : { path, intervalMs, timeoutMs: check.generation_timeout_seconds * 1000 },
  };
}
