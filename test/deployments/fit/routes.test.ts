import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { deploymentFit } from "../../../src/contract/index.ts";
import { mountFit } from "../../../src/deployments/fit/routes.ts";
import type { Resources } from "../../../src/resources/sampler.ts";
import { testApp } from "../../http/setup.ts";
import { tempDir } from "../../temp-dir.ts";

/** A machine with 16 GiB, of which 8 are free; nothing else of a reading is looked at. */
const frame = { data: { memory: { total_gb: 16, available_gb: 8 }, gpu: { devices: [] } } };
const resources = { sample: async () => frame } as unknown as Pick<Resources, "sample">;

function app(uri: string | null, size: number | null) {
  const model = { model_id: "m", model_source: "local", uri, size_bytes: size };
  const models = { require: () => model } as unknown as Parameters<typeof mountFit>[1]["models"];
  return testApp({}, () => true, [(api) => mountFit(api, { models, resources })]);
}

const ask = (t: ReturnType<typeof app>, more: object = {}) =>
  t.json("POST", "/api/v1/deployments/fit", { model_id: "m", ...more });

test("what a model needs is told without starting it, from its size where it has no file here", async () => {
  using t = app("hf://org/name", 20 * 2 ** 30);
  const { status, body } = await ask(t, { context_length: 100 });
  expect(status).toBe(200);
  expect(deploymentFit.parse(body)).toMatchObject({ verdict: "never", kv_cache_bytes: null, context_length: 100 });
});

test("a model that cannot be measured is refused, saying why", async () => {
  using dir = tempDir();
  const path = join(dir.path, "m.gguf");
  writeFileSync(path, "not a model");
  using broken = app(path, null);
  expect(await ask(broken)).toMatchObject({ status: 422, body: { errors: [{ field: "model_id" }] } });
  for (const odd of ["/a\u0000b", `/${"a".repeat(300)}`]) {
    using unreadable = app(odd, null);
    expect(await ask(unreadable)).toMatchObject({ status: 422, body: { errors: [{ field: "model_id" }] } });
  }
  using nowhere = app(null, null);
  expect((await ask(nowhere)).body.detail).toContain("has no size_bytes");
  expect((await ask(nowhere, { context_length: 0 })).body.errors).toMatchObject([{ field: "context_length" }]);
});
