import { describe, expect, test } from "bun:test";
import { Parser } from "@asyncapi/parser";
import { Validator } from "@seriousme/openapi-schema-validator";
import { streamName, streams } from "../../src/contract/index.ts";
import { mountDeployments } from "../../src/deployments/routes.ts";
import { validEvents } from "../../src/realtime/requests.ts";
import { open } from "../deployments/setup.ts";
import { testApp } from "../http/setup.ts";

async function document(path: string) {
  using t = testApp();
  await using deployments = open(t.store).deployments;
  mountDeployments(t.app, deployments);
  const response = await t.request("GET", path);
  expect(response.headers.get("etag")).toBeTruthy();
  return response.json();
}

describe("AsyncAPI", () => {
  test("the document is valid", async () => {
    const { document: parsed, diagnostics } = await new Parser().parse(
      JSON.stringify(await document("/asyncapi.json")),
    );
    expect(diagnostics.filter(({ severity }) => severity === 0)).toEqual([]);
    expect(parsed?.version()).toBe("3.0.0");
  });

  test("every event that can be sent is an operation, with what answers it", async () => {
    const { operations } = await document("/asyncapi.json");
    for (const name of validEvents) {
      const answer = name.startsWith("subscribe_") ? "subscribed" : "unsubscribed";
      expect(operations[name]).toMatchObject({
        action: "receive",
        messages: [{ $ref: `#/channels/events/messages/${name}` }],
        reply: {
          messages: [
            { $ref: `#/channels/events/messages/${answer}` },
            { $ref: "#/channels/events/messages/subscription_error" },
          ],
        },
      });
    }
    const received = Object.keys(operations).filter((name) => operations[name].action === "receive");
    expect(received.sort()).toEqual([...validEvents].sort());
  });

  test("every push is an operation that says how often it comes", async () => {
    const { operations } = await document("/asyncapi.json");
    const sent = Object.keys(operations).filter((name) => operations[name].action === "send");
    const pushed = streamName.options.map((name) => streams[name].event);
    expect(sent.sort()).toEqual(
      [...pushed, "deployment_logs", "recovery_offset", "access_ended", "server_shutdown"].sort(),
    );
    expect(operations.system_resources_update.summary).toEndWith("every 2 s");
    expect(operations.model_status_update.summary).toEndWith("every 5 s");
    expect(operations.deployment_events.summary).toEndWith("the moment it happens");
  });

  test("payloads are the schemas that are checked", async () => {
    const { components } = await document("/asyncapi.json");
    const { payload } = components.messages.system_resources_update;
    expect(payload.properties.data.properties.cpu.properties.frequency).toMatchObject({
      anyOf: [{ type: "number" }, { type: "null" }],
    });
    expect(components.messages.subscribe_activity_stream.payload).toMatchObject({
      properties: { after: {} },
      additionalProperties: false,
    });
    // What is pushed may get more fields one day; a client's validator must not break then.
    expect(payload.additionalProperties).toBeUndefined();
  });
});

describe("OpenAPI", () => {
  test("the document is valid", async () => {
    const openapi = await document("/openapi.json");
    const result = await new Validator().validate(openapi);
    expect(result).toMatchObject({ valid: true });
    expect(openapi.openapi).toBe("3.1.0");
  });

  test("a deployment that cannot fit is started only by who asks for that, and the refusal has a code", async () => {
    const { components } = await document("/openapi.json");
    const { properties, required } = components.schemas.CreateDeployment;
    expect(properties.force).toMatchObject({ type: "boolean", default: false });
    expect(required).toEqual(["model_id", "runtime"]);
    expect(components.schemas.Problem.properties.code.enum).toContain("does_not_fit");
  });

  test("every route is there, with its input, its answer and its errors", async () => {
    const openapi = await document("/openapi.json");
    expect(Object.keys(openapi.paths)).toContain("/api/v1/models/{model_id}");
    expect(Object.keys(openapi.paths)).toContain("/api/v1/deployments/{deployment_id}/restart");
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

  test("it says where a token goes, and what is open without one", async () => {
    const openapi = await document("/openapi.json");
    expect(openapi.components.securitySchemes.bearer).toMatchObject({ type: "http", scheme: "bearer" });
    expect(openapi.security).toEqual([{}, { bearer: [] }, { session: [] }]);
    const open = Object.keys(openapi.paths).filter((path) => openapi.paths[path].get?.security?.length === 0);
    expect(open.sort()).toEqual(["/api/v1/sign-in-methods", "/healthz", "/readyz"]);
  });
});
