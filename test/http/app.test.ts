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
    const value = (name: string) => Number(new RegExp(`^${name} (.+)$`, "m").exec(text)?.[1]);
    expect(value("process_resident_memory_bytes")).toBeGreaterThan(1e6);
    expect(value("process_heap_bytes")).toBeGreaterThan(1e5);
    expect(value("process_cpu_seconds_total")).toBeGreaterThan(0);
    expect(value("process_start_time_seconds")).toBeCloseTo(Date.now() / 1000 - process.uptime(), -1);
    expect(text).not.toContain("/no/such/path");
  });

  test("files come compressed to who can read that, and not at all to who has them", async () => {
    using t = testApp();
    const plain = await t.request("GET", "/page");
    expect(await plain.text()).toBe("hello page");
    const packed = await t.request("GET", "/page", { headers: { "accept-encoding": "gzip, br" } });
    expect(packed.headers.get("content-encoding")).toBe("br");
    for (const encoding of ["gzip", "br;q=0, gzip", "br; q=0.000"]) {
      const other = await t.request("GET", "/page", { headers: { "accept-encoding": encoding } });
      expect([other.headers.get("content-encoding"), await other.text()]).toEqual([null, "hello page"]);
    }
    const quality = await t.request("GET", "/page", { headers: { "accept-encoding": "gzip;q=0.5, br;q=0.9" } });
    expect(quality.headers.get("content-encoding")).toBe("br");
    for (const tag of ['W/"tag"', '"tag"', '"other", W/"tag"', "*", plain.headers.get("etag") ?? ""]) {
      const known = await t.request("GET", "/page", { headers: { "if-none-match": tag } });
      expect([known.status, await known.text(), known.headers.get("vary")]).toEqual([304, "", "Accept-Encoding"]);
    }
    expect((await t.request("GET", "/page", { headers: { "if-none-match": '"other"' } })).status).toBe(200);
  });

  test("process time is read anew, not added up", async () => {
    using t = testApp();
    const read = async () => {
      const text = await (await t.request("GET", "/metrics")).text();
      return Number(/^process_cpu_seconds_total (.+)$/m.exec(text)?.[1]);
    };
    const first = await read();
    const second = await read();
    expect(second).toBeGreaterThanOrEqual(first);
    expect(second).toBeLessThan(1.5 * first);
  });

  test("a method that somebody made up is no new label", async () => {
    using t = testApp();
    await t.request("PURGE", "/healthz");
    const text = await (await t.request("GET", "/metrics")).text();
    expect(text).toContain('method="other"');
    expect(text).not.toContain("PURGE");
  });

  test("documents are made once and not sent twice", async () => {
    using t = testApp();
    for (const path of ["/openapi.json", "/asyncapi.json"]) {
      const etag = (await t.request("GET", path)).headers.get("etag") ?? "";
      expect((await t.request("GET", path)).headers.get("etag")).toBe(etag);
      expect((await t.request("GET", path, { headers: { "if-none-match": etag } })).status).toBe(304);
    }
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
    expect(preflight.headers.get("access-control-allow-headers")).toBe("authorization,content-type");
    const missing = await t.request("GET", "/api/v1/models/none", { headers: { origin: "https://friend.example" } });
    expect([missing.status, missing.headers.get("access-control-allow-origin")]).toEqual([
      404,
      "https://friend.example",
    ]);
  });

  test("CORS for all is for all, and still not with what a browser knows by itself", async () => {
    using t = testApp({ CORS_ORIGINS: "*", AUTH_TOKEN: "a-token-of-20-letters" });
    const headers = { origin: "https://anybody.example" };
    const answer = await t.request("GET", "/api/v1/models", { headers });
    expect([answer.status, answer.headers.get("access-control-allow-origin")]).toEqual([401, "*"]);
    expect(answer.headers.get("access-control-allow-credentials")).toBeNull();
    const preflight = await t.request("OPTIONS", "/api/v1/models", {
      headers: { ...headers, "access-control-request-method": "DELETE" },
    });
    expect([preflight.status, preflight.headers.get("access-control-allow-origin")]).toEqual([204, "*"]);
  });
});
