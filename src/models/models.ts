import { asc, eq, gt } from "drizzle-orm";
import { deployments, models } from "../../db/schema.ts";
import type { Activities } from "../activities/activities.ts";
import { type Clock, isoTime } from "../clock.ts";
import { type CreateModel, type Model, ProblemError, type UpdateModel } from "../contract/index.ts";
import type { Store, Tx } from "../store/store.ts";

type Row = typeof models.$inferSelect;

/** The registry: which models there are. Every change of it is an activity of type `user_operation`. */
export class Models {
  readonly #store: Store;
  readonly #activities: Pick<Activities, "record">;
  readonly #clock: Clock;

  constructor(parts: { store: Store; activities: Pick<Activities, "record">; clock: Clock }) {
    this.#store = parts.store;
    this.#activities = parts.activities;
    this.#clock = parts.clock;
  }

  /** Models by `model_id`, those greater than `after` first; `next` is null on the last page. */
  list(query: { after?: string | undefined; limit: number }): { items: Model[]; next: string | null } {
    const rows = this.#store.db
      .select()
      .from(models)
      .where(query.after === undefined ? undefined : gt(models.modelId, query.after))
      .orderBy(asc(models.modelId))
      .limit(query.limit + 1)
      .all();
    const items = rows.slice(0, query.limit).map(toModel);
    return { items, next: rows.length > query.limit ? (items.at(-1)?.model_id ?? null) : null };
  }

  /** @throws ProblemError `not_found`. */
  require(modelId: string): Model {
    const row = this.#store.db.select().from(models).where(eq(models.modelId, modelId)).get();
    if (!row) throw new ProblemError("not_found", `There is no model ${modelId}.`);
    return toModel(row);
  }

  /** @throws ProblemError `already_exists`. */
  create(input: CreateModel): Model {
    const now = this.#clock.now();
    return this.#store.write((tx) => {
      const row = tx.db
        .insert(models)
        .values({ ...toColumns(input), modelId: input.model_id, createdAt: now, updatedAt: now })
        .onConflictDoNothing()
        .returning()
        .get();
      if (!row) {
        const detail = `There is already a model ${input.model_id}.`;
        throw new ProblemError("already_exists", detail, [{ field: "model_id", message: "is taken" }]);
      }
      this.#record(tx, row, "registered");
      return toModel(row);
    });
  }

  /** @throws ProblemError `not_found`. */
  update(modelId: string, patch: UpdateModel): Model {
    return this.#store.write((tx) => {
      const row = tx.db
        .update(models)
        .set({ ...toColumns(patch), updatedAt: this.#clock.now() })
        .where(eq(models.modelId, modelId))
        .returning()
        .get();
      if (!row) throw new ProblemError("not_found", `There is no model ${modelId}.`);
      this.#record(tx, row, "changed", { changed: Object.keys(patch) });
      return toModel(row);
    });
  }

  /** @throws ProblemError `not_found`, or `in_use` while a deployment names it. */
  remove(modelId: string): void {
    this.#store.write((tx) => {
      const user = tx.db.select({ id: deployments.id }).from(deployments).where(eq(deployments.modelId, modelId)).get();
      if (user) {
        const detail = `Model ${modelId} is deployed as dep-${user.id}. Remove its deployments first.`;
        throw new ProblemError("in_use", detail);
      }
      const row = tx.db.delete(models).where(eq(models.modelId, modelId)).returning().get();
      if (!row) throw new ProblemError("not_found", `There is no model ${modelId}.`);
      this.#record(tx, row, "removed");
    });
  }

  #record(tx: Tx, row: Row, verb: string, extra: Record<string, unknown> = {}): void {
    this.#activities.record(tx, {
      activity_type: "user_operation",
      message: `Model ${row.name} ${verb}`,
      severity: "info",
      resource_type: "model",
      resource_id: row.modelId,
      extra_data: { model_id: row.modelId, ...extra },
    });
  }
}

function toModel(row: Row): Model {
  return {
    model_id: row.modelId,
    name: row.name,
    model_source: row.modelSource,
    uri: row.uri,
    description: row.description,
    size_bytes: row.sizeBytes,
    context_length: row.contextLength,
    tags: [...row.tags],
    created_at: isoTime(row.createdAt),
    updated_at: isoTime(row.updatedAt),
  };
}

/** The columns of the fields that are there; Drizzle leaves `undefined` ones untouched. */
function toColumns<Input extends UpdateModel>(input: Input) {
  return {
    name: input.name as Input["name"],
    modelSource: input.model_source as Input["model_source"],
    uri: input.uri,
    description: input.description,
    sizeBytes: input.size_bytes,
    contextLength: input.context_length,
    tags: input.tags as Input["tags"],
  };
}
