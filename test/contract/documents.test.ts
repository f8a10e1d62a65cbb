import { expect, test } from "bun:test";
import { Parser } from "@asyncapi/parser";
import { streamName, streams } from "../../src/contract/index.ts";
import { validEvents } from "../../src/realtime/requests.ts";
import { testApp } from "../http/setup.ts";

async function document(path: string) {
  using t = testApp();
  const response = await t.request("GET", path);
  expect(response.headers.get("etag")).toBeTruthy();
  return response.json();
}

test("the AsyncAPI document is valid and has every event that can be sent or received", async () => {
  const asyncapi = await document("/asyncapi.json");
  const { diagnostics } = await new Parser().parse(JSON.stringify(asyncapi));
  expect(diagnostics.filter(({ severity }) => severity === 0)).toEqual([]);
  const names = Object.keys(asyncapi.components.messages);
  for (const name of validEvents) expect(names).toContain(name);
  for (const name of streamName.options) expect(names).toContain(streams[name].event);
  const update = asyncapi.components.messages.system_resources_update.payload;
  expect(update.properties.data.properties.cpu.properties.frequency).toMatchObject({
    anyOf: [{ type: "number" }, { type: "null" }],
  });
});

test("the OpenAPI document has every route, with its input, its answer and its errors", async () => {
  const openapi = await document("/openapi.json");
  expect(openapi.openapi).toBe("3.1.0");
  expect(Object.keys(openapi.paths)).toContain("/api/v1/models/{model_id}");
  for (const [path, methods] of Object.entries<Record<string, { responses: object; requestBody?: object }>>(
    openapi.paths,
  )) {
    for (const [method, operation] of Object.entries(methods)) {
      expect([path, method, Object.keys(operation.responses)]).toEqual([
        path,
        method,
        expect.arrayContaining(["default"]),
      ]);
      if (method === "post" && path.split("/").length === 4) expect(operation.requestBody).toBeDefined();
    }
  }
  expect(openapi.components.schemas.Problem.required).toContain("code");
});
