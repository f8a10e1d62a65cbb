import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { problem } from "../../src/contract/index.ts";
import { testApp } from "./setup.ts";

const model = { model_id: "m", name: "M", model_source: "local" };

describe("what is wrong gets a problem that names it", () => {
  test("each bad field, with what is allowed, and unknown ones", async () => {
    using t = testApp();
    const { status, type, body } = await t.json("POST", "/api/v1/models", {
      model_id: "Not A Slug",
      name: "",
      extra: 1,
      tags: [5],
    });
    expect([status, type]).toEqual([422, "application/problem+json"]);
    expect(problem.parse(body).code).toBe("validation_failed");
    const fields = Object.fromEntries(body.errors.map((e: { field: string; message: string }) => [e.field, e.message]));
    expect(fields.model_id).toContain("must be a slug");
    expect(fields.name).toBe("must not be empty");
    expect(fields.model_source).toBe("is missing; it must be a string");
    expect(fields.extra).toBe("is not a known field");
    expect(Object.keys(fields)).toContain("tags.0");
  });

  test.each([
    ["malformed JSON", "{", 400, "invalid_json"],
    ["no JSON at all", "hello", 400, "invalid_json"],
    ["a string instead of an object", '"x"', 422, "validation_failed"],
    ["null", "null", 422, "validation_failed"],
    ["a poisoned prototype", '{"__proto__": {"name": "x"}}', 422, "validation_failed"],
    ["very deep nesting", `${"[".repeat(50_000)}${"]".repeat(50_000)}`, 422, "validation_failed"],
  ])("%s", async (_, text, status, code) => {
    using t = testApp();
    const answer = await t.json("POST", "/api/v1/models", text);
    expect([answer.status, answer.body.code]).toEqual([status, code]);
  });

  test("a body that is not UTF-8", async () => {
    using t = testApp();
    const body = new Uint8Array([0x7b, 0x22, 0xff, 0xfe, 0x22]);
    const answer = await t.request("POST", "/api/v1/models", { body, headers: { "content-type": "application/json" } });
    expect(answer.status).toBe(400);
  });

  test("a body in another format, or without one said", async () => {
    using t = testApp();
    for (const type of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]) {
      const answer = await t.request("POST", "/api/v1/models", {
        body: JSON.stringify(model),
        headers: { "content-type": type, "content-length": "50" },
      });
      expect(answer.status).toBe(415);
    }
  });

  test("a body over the limit, also when its length is not said", async () => {
    using t = testApp({ HTTP_MAX_BODY_BYTES: "2048" });
    const large = JSON.stringify({ ...model, description: "x".repeat(3000) });
    const said = await t.json("POST", "/api/v1/models", large, { "content-length": String(large.length) });
    expect([said.status, said.body.code]).toEqual([413, "payload_too_large"]);
    const chunked = new ReadableStream({
      start(controller) {
        controller.enqueue(new TextEncoder().encode(large));
        controller.close();
      },
    });
    const headers = { "content-type": "application/json", "transfer-encoding": "chunked" };
    expect((await t.request("POST", "/api/v1/models", { body: chunked, headers })).status).toBe(413);
  });

  test("a path that is not there, and a method that is not possible there", async () => {
    using t = testApp();
    expect((await t.json("POST", "/api/v1/nothing", {})).body).toMatchObject({ status: 404, code: "not_found" });
    const put = await t.request("PUT", "/api/v1/models/llama");
    expect(put.status).toBe(405);
    expect(put.headers.get("allow")).toBe("DELETE, GET, PATCH");
  });

  test("queries and path parameters", async () => {
    using t = testApp();
    const bad = async (path: string) => (await t.request("GET", path)).status;
    expect(await bad("/api/v1/models?limit=0")).toBe(422);
    expect(await bad("/api/v1/models?limit=501")).toBe(422);
    expect(await bad("/api/v1/models?limit=many")).toBe(422);
    expect(await bad("/api/v1/models?colour=red")).toBe(422);
    expect(await bad("/api/v1/models/UPPER")).toBe(422);
    expect(await bad("/api/v1/activities?after=act-1&before=act-2")).toBe(422);
    expect(await bad("/api/v1/activities?after=dep-1")).toBe(422);
    expect(await bad("/api/v1/activities?since=yesterday")).toBe(422);
    expect(await bad("/api/v1/models/nobody")).toBe(404);
  });

  test("a slug that is taken, and a patch that changes nothing", async () => {
    using t = testApp();
    expect((await t.json("POST", "/api/v1/models", model)).status).toBe(201);
    expect((await t.json("POST", "/api/v1/models", model)).body).toMatchObject({ status: 409, code: "already_exists" });
    expect((await t.json("PATCH", "/api/v1/models/m", {})).status).toBe(422);
  });

  test("our own fault is a 500 that tells nothing of our insides", async () => {
    using t = testApp();
    t.app.get("/broken", () => {
      throw new Error("secret detail");
    });
    const answer = await t.request("GET", "/broken");
    expect(answer.status).toBe(500);
    expect(await answer.text()).not.toContain("secret");
  });
});

test("no body at all makes the server fail: 400, 409, 413, 415, 422 or it is taken", async () => {
  using t = testApp();
  const paths = fc.constantFrom("/api/v1/models", "/api/v1/activities");
  const body = fc.oneof(
    fc.string(),
    fc.json(),
    fc
      .record(
        {
          model_id: fc.string(),
          name: fc.string(),
          model_source: fc.string(),
          message: fc.string(),
          extra_data: fc.jsonValue(),
        },
        { requiredKeys: [] },
      )
      .map((value) => JSON.stringify(value)),
  );
  await fc.assert(
    fc.asyncProperty(paths, body, async (path, text) => {
      const { status } = await t.json("POST", path, text);
      expect([201, 400, 409, 413, 415, 422]).toContain(status);
    }),
    { numRuns: 500 },
  );
});
