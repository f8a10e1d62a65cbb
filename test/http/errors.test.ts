import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { problem } from "../../src/contract/index.ts";
import { createRoute } from "../../src/contract/rest/route.ts";
import { mountDeployments } from "../../src/deployments/routes.ts";
import { StorageError } from "../../src/store/errors.ts";
import { open } from "../deployments/setup.ts";
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
    expect(fields.extra).toBe(
      "is not a known field; allowed: model_id, name, model_source, uri, description, size_bytes, context_length, tags",
    );
    expect(fields["tags.0"]).toBe("must be a string");
  });

  test("fields inside of others, by their whole name, in words that go on from it", async () => {
    using t = testApp();
    await using deployments = open(t.store).deployments;
    mountDeployments(t.app, deployments);
    const { body } = await t.json("POST", "/api/v1/deployments", {
      model_id: 5,
      runtime: "",
      port: 1.5,
      cpu_cores: 0,
      args: Array(129).fill("x"),
      env: { "1a": "x", "a.b": 3 },
      health: { interval_seconds: "soon", timeout_seconds: 99, scheme: "ftp", colour: "red" },
    });
    const fields = Object.fromEntries(body.errors.map((e: { field: string; message: string }) => [e.field, e.message]));
    expect(fields).toMatchObject({
      model_id: "must be a string",
      runtime: "must have at least 1 character",
      port: "must be a whole number",
      cpu_cores: "must be more than 0",
      args: "must have at most 128 items",
      "health.interval_seconds": "must be a number",
      "health.timeout_seconds": "must be at most 60",
      "health.scheme": "must be one of http, https",
      "health.colour":
        "is not a known field; allowed: scheme, path, interval_seconds, timeout_seconds, healthy_threshold, unhealthy_threshold, start_timeout_seconds, start_period_seconds, restart_on_unhealthy, generation_path, generation_interval_seconds, generation_timeout_seconds, metrics_path",
    });
    expect(fields["env.1a"]).toStartWith("has a name that is not allowed");
    expect(body.detail).toContain("port must be a whole number; ");
  });

  test("an unknown query parameter, with those there are", async () => {
    using t = testApp();
    const { body } = await t.json("GET", "/api/v1/models?colour=red", undefined);
    expect(body.errors).toEqual([{ field: "colour", message: "is not a known field; allowed: after, limit" }]);
  });

  test.each([
    ["malformed JSON", "{", 400, "invalid_json"],
    ["no JSON at all", "hello", 400, "invalid_json"],
    ["a string instead of an object", '"x"', 422, "validation_failed"],
    ["null", "null", 422, "validation_failed"],
    ["a poisoned prototype", '{"__proto__": {"name": "x"}}', 422, "validation_failed"],
    ["very deep nesting", nested(100_000), 422, "validation_failed"],
    ["very deep nesting that never ends", "[".repeat(100_000), 422, "validation_failed"],
  ])("%s", async (_, text, status, code) => {
    using t = testApp();
    const answer = await t.json("POST", "/api/v1/models", text);
    expect([answer.status, answer.body.code]).toEqual([status, code]);
  });

  test("nesting is bounded also where anything is allowed, and brackets in a string are none", async () => {
    using t = testApp();
    const send = (extra: string) => t.json("POST", "/api/v1/activities", `{"message":"m","extra_data":{"a":${extra}}}`);
    expect((await send(nested(100_000))).body).toMatchObject({ status: 422, code: "validation_failed" });
    expect((await send(nested(62))).status).toBe(201);
    expect((await send(nested(63))).status).toBe(422);
    const text = '"[{'.repeat(50);
    const kept = await send(JSON.stringify(text));
    expect([kept.status, kept.body.extra_data.a]).toEqual([201, text]);
  });

  test("a poisoned prototype poisons nothing", async () => {
    using t = testApp();
    const text = '{"message":"m","extra_data":{"__proto__":{"poisoned":1},"constructor":{"prototype":{"poisoned":1}}}}';
    expect((await t.json("POST", "/api/v1/activities", text)).status).toBe(201);
    expect(Reflect.get({}, "poisoned")).toBeUndefined();
  });

  test("a body that is not UTF-8 is refused, not altered", async () => {
    using t = testApp();
    const bytes = new TextEncoder().encode('{"message":"a?"}');
    bytes[bytes.indexOf(0x3f)] = 0xff;
    const headers = { "content-type": "application/json" };
    const answer = await t.request("POST", "/api/v1/activities", { body: bytes, headers });
    expect([answer.status, await answer.json()]).toMatchObject([400, { code: "invalid_json" }]);
    expect((await t.json("GET", "/api/v1/activities", undefined)).body.items).toEqual([]);
  });

  test("JSON under each of its names, and in no encoding but its own", async () => {
    using t = testApp();
    const send = async (type: string) =>
      (await t.json("POST", "/api/v1/activities", { message: "m" }, { "content-type": type })).status;
    for (const type of ["application/json ; charset=UTF-8", 'application/json;charset="utf-8"', "Application/JSON"])
      expect(await send(type)).toBe(201);
    for (const type of ["application/json; charset=iso-8859-1", "application/jsonx", "text/json", "application/xml"])
      expect(await send(type)).toBe(415);
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
    expect(put.headers.get("allow")).toBe("DELETE, GET, HEAD, PATCH");
    expect((await t.request("GET", "/api/v1/models/")).status).toBe(404);
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

  test("our own fault is a 500 that tells nothing of our insides, logged once under the id the caller gets", async () => {
    using t = testApp();
    t.app.openapi(routeAt("/broken"), () => {
      throw new Error("secret detail");
    });
    const answer = await t.request("GET", "/broken", { headers: { "x-request-id": "from-the-proxy" } });
    const text = await answer.text();
    expect(answer.status).toBe(500);
    expect(text).not.toContain("secret");
    expect(text).toContain("from-the-proxy");
    expect(answer.headers.get("x-request-id")).toBe("from-the-proxy");
    expect(t.logged).toHaveLength(1);
    expect(t.logged[0]).toMatchObject({ requestId: "from-the-proxy", path: "/broken", method: "GET" });
  });

  test("an id that is too long, or no id, is replaced", async () => {
    using t = testApp();
    for (const id of ["x".repeat(65), "a b", "{error}"]) {
      const answer = await t.request("GET", "/healthz", { headers: { "x-request-id": id } });
      expect(answer.headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
    }
  });

  test.each([
    ["storage_full", 507],
    ["storage_failed", 500],
  ] as const)("the store's %s is a %d, and is logged", async (code, status) => {
    using t = testApp();
    t.app.openapi(routeAt("/stored"), () => {
      throw new StorageError(code, "nothing was written");
    });
    expect((await t.json("GET", "/stored", undefined)).body).toMatchObject({
      code,
      status,
      detail: "nothing was written",
    });
    expect(t.logged).toHaveLength(1);
  });
});

test("no body at all makes the server fail: 400, 409, 413, 415, 422 or it is taken", async () => {
  using t = testApp();
  const room = open(t.store);
  await using deployments = room.deployments;
  mountDeployments(t.app, deployments);
  room.addModel("m");
  const paths = fc.constantFrom("/api/v1/models", "/api/v1/activities", "/api/v1/deployments");
  // Often right, so that what comes after the first check is reached as well.
  const anyOr = (...right: unknown[]) => fc.oneof(fc.constantFrom(...right), fc.jsonValue());
  const body = fc.oneof(
    fc.string(),
    fc.string({ unit: "binary" }).map((text) => JSON.stringify({ message: text, extra_data: { [text]: text } })),
    fc.json({ maxDepth: 80 }),
    fc
      .record(
        {
          model_id: anyOr("m", "n"),
          name: anyOr("N"),
          model_source: anyOr("local"),
          message: anyOr("M"),
          extra_data: anyOr({ a: 1 }),
          runtime: anyOr("external"),
          port: anyOr(8000),
          args: anyOr([]),
          env: anyOr({ A: "b" }),
          health: anyOr({ path: "/" }),
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
    { numRuns: 1_000 },
  );
  expect(t.logged).toEqual([]);
  expect(room.errors).toEqual([]);
});

function nested(depth: number): string {
  return "[".repeat(depth) + "]".repeat(depth);
}

/** A route for a handler that fails. */
function routeAt(path: string) {
  return createRoute({ method: "get", path, "x-scope": "public", responses: { 200: { description: "Never" } } });
}
