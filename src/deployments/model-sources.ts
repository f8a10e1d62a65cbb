import type { Models } from "../models/models.ts";
import type { Store } from "../store/store.ts";

/** Each deployed model's source, kept in memory until somebody changes the model. */
export class ModelSources implements Disposable {
  readonly #models: Pick<Models, "require">;
  readonly #known = new Map<string, string>();
  readonly #subscription: Disposable;

  constructor(store: Store, models: Pick<Models, "require">) {
    this.#models = models;
    // Every change of the registry is in the history.
    this.#subscription = store.bus.on("activity_stream", ({ data }) => {
      if (data.resource_type === "model" && data.resource_id !== null) this.#known.delete(data.resource_id);
    });
  }

  of(modelId: string): string {
    const known = this.#known.get(modelId);
    if (known !== undefined) return known;
    const source = this.#models.require(modelId).model_source;
    this.#known.set(modelId, source);
    return source;
  }

  [Symbol.dispose](): void {
    this.#subscription[Symbol.dispose]();
  }
}
