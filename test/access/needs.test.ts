import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createRoute as unguardedRoute } from "@hono/zod-openapi";
import { requests } from "../../src/contract/asyncapi-messages.ts";
import { accessScope, streamName, streams } from "../../src/contract/index.ts";
import { needsOf } from "../../src/http/needs.ts";
import { validEvents } from "../../src/realtime/requests.ts";
import { testApp } from "../http/setup.ts";
import { type ServerProcess, serverProcess } from "../server-process.ts";

const needs: readonly string[] = [...accessScope.options, "any", "public"];

let server: ServerProcess;
beforeAll(async () => {
  server = await serverProcess();
}, 60_000);
afterAll(() => server[Symbol.asyncDispose]());

/** The routes of a test's app that are in no contract. */
const plain = { "/metrics": "any", "/openapi.json": "any", "/asyncapi.json": "any", "/page": "any" } as const;

interface Operation {
  readonly "x-scope"?: string;
  readonly security?: readonly Record<string, readonly string[]>[];
}

describe("every route says what its callers need", () => {
  test("in the OpenAPI document, where tools look and by its name", async () => {
    const { paths } = await (await fetch(`${server.url}/openapi.json`)).json();
    for (const [path, methods] of Object.entries<Record<string, Operation>>(paths)) {
      for (const [method, operation] of Object.entries(methods)) {
        const { "x-scope": need = "nothing", security } = operation;
        expect([method, path, needs.includes(need), need]).toEqual([method, path, true, need]);
        const scopes = need === "any" ? [] : [need];
        expect(security).toEqual(need === "public" ? [] : [{}, { bearer: scopes }, { session: scopes }]);
        // Whatever changes something needs more than to be known.
        if (method !== "get" && path !== "/api/v1/session") expect(need).toMatch(/^(write:|admin$)/);
      }
    }
  });

  test("one that does not is not served", () => {
    using t = testApp();
    const responses = { 204: { description: "Nothing" } };
    const route = unguardedRoute({ method: "get", path: "/api/v1/new/{id}", responses });
    t.app.openapi(route, (c) => c.body(null, 204));
    expect(() => needsOf(t.app, plain)).toThrow("GET /api/v1/new/:id does not say what its callers need");
  });

  test("nor is one outside of the contract", () => {
    using t = testApp();
    t.app.get("/debug", (c) => c.text("everything"));
    expect(() => needsOf(t.app, plain)).toThrow("GET /debug does not");
  });
});

describe("every event says what its sender needs", () => {
  test("in the contract and in the AsyncAPI document", async () => {
    const { operations } = await (await fetch(`${server.url}/asyncapi.json`)).json();
    expect(requests.map(({ name }) => name).sort()).toEqual([...validEvents].sort());
    for (const { name, scope } of requests) {
      expect([name, needs.includes(scope)]).toEqual([name, true]);
      expect(operations[name]["x-scope"]).toBe(scope);
    }
  });

  test("each stream is read with a scope of its own kind", () => {
    for (const name of streamName.options) expect(streams[name].scope).toMatch(/^read:/);
  });
});
