import { describe, expect, test } from "bun:test";
import { StorageError } from "../../src/store/errors.ts";
import { testApp } from "./setup.ts";

describe("the server's own routes", () => {
  test("alive and ready; not ready while stopping or when the database fails", async () => {
    using t = testApp();
    expect(await (await t.request("GET", "/healthz")).json()).toEqual({ status: "ok", version: "1.2.3" });
    expect((await t.request("GET", "/readyz")).status).toBe(200);
    using stopping = testApp({}, () => false);
    expect((await stopping.request("GET", "/readyz")).status).toBe(503);
    using failing = testApp({}, () => {
      throw new StorageError("storage_failed", "gone");
    });
    expect((await failing.request("GET", "/readyz")).status).toBe(503);
  });

  test("metrics count requests by route pattern and show the rooms' gauges", async () => {
    using t = testApp();
    for (const id of ["a", "b", "c"]) await t.request("GET", `/api/v1/models/${id}`);
    await t.request("GET", "/no/such/path");
    const text = await (await t.request("GET", "/metrics")).text();
    expect(text).toContain(
      'llm_manager_http_requests_total{method="GET",route="/api/v1/models/:model_id",status="404"} 3',
    );
    expect(text).toContain("test_things 7");
    expect(text).not.toContain("/no/such/path");
  });

  test("files come compressed to who can read that, and not at all to who has them", async () => {
    using t = testApp();
    const plain = await t.request("GET", "/page");
    expect(await plain.text()).toBe("hello page");
    const packed = await t.request("GET", "/page", { headers: { "accept-encoding": "gzip, br" } });
    expect(packed.headers.get("content-encoding")).toBe("br");
    const known = await t.request("GET", "/page", { headers: { "if-none-match": 'W/"tag"' } });
    expect([known.status, await known.text()]).toEqual([304, ""]);
  });

  test("every answer bears the headers that keep a hostile page out", async () => {
    using t = testApp();
    for (const path of ["/page", "/api/v1/models", "/nowhere", "/openapi.json"]) {
      const { headers } = await t.request("GET", path);
      const policy = headers.get("content-security-policy") ?? "";
      expect(policy).toContain("default-src 'self'");
      expect(policy).not.toContain("unsafe");
      expect(headers.get("x-content-type-options")).toBe("nosniff");
      expect(headers.get("x-frame-options")).toBe("DENY");
      expect(headers.get("access-control-allow-origin")).toBeNull();
    }
  });

  test("CORS is for the named origins alone", async () => {
    using t = testApp({ CORS_ORIGINS: "https://friend.example" });
    const from = (origin: string) => t.request("GET", "/api/v1/models", { headers: { origin } });
    const friend = await from("https://friend.example");
    expect([friend.status, friend.headers.get("access-control-allow-origin")]).toEqual([200, "https://friend.example"]);
    expect((await from("https://stranger.example")).status).toBe(403);
    const preflight = await t.request("OPTIONS", "/api/v1/models", {
      headers: { origin: "https://friend.example", "access-control-request-method": "POST" },
    });
    expect(preflight.status).toBe(204);
  });
});
