import { describe, expect, test } from "bun:test";
import { hostname } from "node:os";
import fc from "fast-check";
import { Access } from "../../src/access/access.ts";
import { hostAllowed, originAllowed } from "../../src/access/origin.ts";
import { isLoopback } from "../../src/access/tokens.ts";
import { loadConfig } from "../../src/config.ts";
import { FakeClock } from "../fake-clock.ts";
import { testApp } from "../http/setup.ts";
import { tempDir } from "../temp-dir.ts";
import { openStore } from "../temp-store.ts";

const rules = { hostNames: ["box.lan"], origins: ["https://friend.example"] };

describe("Host", () => {
  test.each([
    "localhost",
    "localhost:5000",
    "app.localhost",
    "127.0.0.1:80",
    "[::1]:5000",
    "192.168.1.7",
    "BOX.lan:5000",
  ])("%s is answered", (host) => expect(hostAllowed(host, rules)).toBe(true));
  test.each([
    null,
    "",
    "evil.example",
    "evil.example:5000",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "box.lan@evil.example",
    "%%%",
    "a b",
    "[::1",
  ])("%p is not", (host) => expect(hostAllowed(host, rules)).toBe(false));
  test("nothing but the allowed names, whatever is sent", () => {
    fc.assert(fc.property(fc.domain(), (name) => expect(hostAllowed(name, rules)).toBe(name.endsWith(".localhost"))));
    fc.assert(fc.property(fc.string(), (text) => expect(typeof hostAllowed(text, rules)).toBe("boolean")));
  });
});

describe("Origin", () => {
  test("programs, the server's own page and the named pages may call", () => {
    expect(originAllowed(null, "localhost:5000", rules)).toBe(true);
    expect(originAllowed("http://localhost:5000", "localhost:5000", rules)).toBe(true);
    expect(originAllowed("https://box.lan", "box.lan", rules)).toBe(true);
    expect(originAllowed("https://friend.example", "localhost:5000", rules)).toBe(true);
  });
  test("no other page may, not even one on another port", () => {
    for (const origin of [
      "null",
      "",
      "http://localhost:3000",
      "http://evil.example",
      "https://friend.example.evil.example",
      "file://",
      "chrome-extension://abc",
    ]) {
      expect(originAllowed(origin, "localhost:5000", rules)).toBe(false);
    }
  });
});

describe("tokens", () => {
  function access(environment: Record<string, string>, dataDir: string) {
    using store = openStore(dataDir);
    return new Access({ config: loadConfig(environment), store, clock: new FakeClock() });
  }
  const bearer = (token: string) => new Headers({ authorization: `Bearer ${token}` });

  test("loopback is open", () => {
    using dir = tempDir();
    const open = access({}, dir.path);
    open.requireToken(new Headers());
    expect(open.generatedToken).toBeUndefined();
    for (const host of ["127.0.0.1", "127.8.9.1", "::1", "localhost"]) expect(isLoopback(host)).toBe(true);
    for (const host of ["0.0.0.0", "::", "192.168.1.7", "127.evil.example"]) expect(isLoopback(host)).toBe(false);
  });

  test("any other address needs a token, made once, shown once, kept as a hash, and good after a restart", () => {
    using dir = tempDir();
    const first = access({ HOST: "0.0.0.0" }, dir.path);
    const token = first.generatedToken ?? "";
    expect(token).toMatch(/^llmm_[\w-]{43}$/);
    const second = access({ HOST: "0.0.0.0" }, dir.path);
    expect(second.generatedToken).toBeUndefined();
    second.requireToken(bearer(token));
    expect(() => second.requireToken(new Headers())).toThrow("token");
    expect(() => second.requireToken(bearer(`${token}x`))).toThrow("token");
    using store = openStore(dir.path);
    expect(JSON.stringify(store.db.query.accessTokens.findMany().sync())).not.toContain(token);
  });

  test("a configured token is the only one, on every address", () => {
    using dir = tempDir();
    const configured = access({ AUTH_TOKEN: "correct horse battery" }, dir.path);
    expect(() => configured.requireToken(new Headers())).toThrow("token");
    expect(() => configured.requireToken(bearer("correct horse batter"))).toThrow("token");
    expect(() => configured.requireToken(new Headers({ authorization: "Bearer" }))).toThrow("token");
  });

  test("the socket's middleware takes it from auth or from the header, and says why not", () => {
    using dir = tempDir();
    const guarded = access({ AUTH_TOKEN: "a-token-of-20-letters" }, dir.path);
    const ask = (auth: Record<string, unknown>, headers = {}) => {
      let answer: unknown = "not called";
      const handshake = { auth, headers } as Parameters<typeof guarded.socketMiddleware>[0]["handshake"];
      guarded.socketMiddleware({ handshake }, (error) => {
        answer = error?.data;
      });
      return answer;
    };
    expect(ask({ token: "a-token-of-20-letters" })).toBeUndefined();
    expect(ask({}, { authorization: "Bearer a-token-of-20-letters" })).toBeUndefined();
    for (const auth of [{}, { token: "wrong" }, { token: 5 }, { token: ["a-token-of-20-letters"] }]) {
      expect(ask(auth)).toMatchObject({ code: "unauthorized" });
    }
  });

  test("over HTTP: the API and the metrics are closed, health, page and documents are open", async () => {
    using t = testApp({ AUTH_TOKEN: "a-token-of-20-letters" });
    const status = async (path: string, headers = {}) => (await t.request("GET", path, { headers })).status;
    for (const path of ["/api/v1/models", "/api/v1/activities", "/metrics"]) {
      expect(await status(path)).toBe(401);
      expect(await status(path, { authorization: "Bearer a-token-of-20-letters" })).toBe(200);
    }
    for (const path of ["/healthz", "/readyz", "/page", "/openapi.json", "/asyncapi.json"])
      expect(await status(path)).toBe(200);
    const refused = await t.request("GET", "/api/v1/models");
    expect(refused.headers.get("www-authenticate")).toBe("Bearer");
  });

  test("Host and Origin are checked before anything is answered", async () => {
    using t = testApp();
    for (const path of ["/healthz", "/page", "/api/v1/models", "/nowhere"]) {
      expect((await t.request("GET", path, { headers: { host: "evil.example" } })).status).toBe(403);
      expect((await t.request("GET", path, { headers: { origin: "http://evil.example" } })).status).toBe(403);
    }
    expect((await t.request("GET", "/healthz", { headers: { host: hostname() } })).status).toBe(200);
  });
});
