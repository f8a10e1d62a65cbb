import { describe, expect, test } from "bun:test";
import { deployments } from "../../db/schema.ts";
import { Activities } from "../../src/activities/activities.ts";
import { createModel, model, ProblemError } from "../../src/contract/index.ts";
import { Models } from "../../src/models/models.ts";
import { FakeClock } from "../fake-clock.ts";
import { tempStore } from "../temp-store.ts";

function setup() {
  const temp = tempStore();
  const clock = new FakeClock();
  const activities = new Activities({ store: temp.store, clock });
  const models = new Models({ store: temp.store, activities, clock });
  const add = (modelId: string) =>
    models.create(createModel.parse({ model_id: modelId, name: modelId.toUpperCase(), model_source: "local" }));
  const history = () => activities.list({ limit: 50 }).items.map((entry) => entry.message);
  return { ...temp, clock, models, add, history, [Symbol.dispose]: () => temp[Symbol.dispose]() };
}

const problem = (code: string) => expect.objectContaining({ name: "ProblemError", code });

describe("the registry", () => {
  test("a model is kept as the contract says and its changes are history", async () => {
    using t = setup();
    expect(model.parse(t.add("llama2-7b"))).toMatchObject({ model_id: "llama2-7b", uri: null, tags: [] });
    await t.clock.advance(1000);
    const changed = t.models.update("llama2-7b", { name: "LLaMA2 Chat", tags: ["chat"] });
    expect(changed).toMatchObject({
      name: "LLaMA2 Chat",
      model_source: "local",
      tags: ["chat"],
      created_at: "2025-01-01T12:00:00.000Z",
      updated_at: "2025-01-01T12:00:01.000Z",
    });
    t.models.remove("llama2-7b");
    expect(() => t.models.require("llama2-7b")).toThrow(problem("not_found"));
    expect(t.history()).toEqual([
      "Model LLaMA2 Chat removed",
      "Model LLaMA2 Chat changed",
      "Model LLAMA2-7B registered",
    ]);
  });

  test("a slug is taken once, and the refusal leaves no history", () => {
    using t = setup();
    t.add("a");
    expect(() => t.add("a")).toThrow(problem("already_exists"));
    expect(t.history()).toHaveLength(1);
  });

  test("what is not there cannot be changed or removed", () => {
    using t = setup();
    expect(() => t.models.update("nope", { name: "x" })).toThrow(problem("not_found"));
    expect(() => t.models.remove("nope")).toThrow(ProblemError);
  });

  test("a model that is deployed stays", () => {
    using t = setup();
    t.add("a");
    const deployed = { modelId: "a", name: "A", runtime: "external", host: "localhost", args: [], env: {}, health: {} };
    const state = { desired: "running", status: "running", healthStatus: "healthy", createdAt: 1, updatedAt: 1 };
    t.store.write((tx) =>
      tx.db
        .insert(deployments)
        .values({ ...deployed, ...state })
        .run(),
    );
    expect(() => t.models.remove("a")).toThrow(problem("in_use"));
    expect(t.models.require("a").model_id).toBe("a");
  });

  test("pages go by model_id", () => {
    using t = setup();
    for (const id of ["c", "a", "d", "b"]) t.add(id);
    const first = t.models.list({ limit: 3 });
    expect(first.items.map((m) => m.model_id)).toEqual(["a", "b", "c"]);
    expect(t.models.list({ limit: 3, after: first.next ?? "" })).toMatchObject({
      items: [{ model_id: "d" }],
      next: null,
    });
  });
});
