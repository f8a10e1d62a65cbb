import { describe, expect, test } from "bun:test";
import { hostname } from "node:os";
import fc from "fast-check";
import type { Caller } from "../../src/access/caller.ts";
import { isOpen } from "../../src/access/open.ts";
import { hostAllowed, originAllowed } from "../../src/access/origin.ts";
import { socketAccess } from "../../src/access/socket.ts";
import { loadConfig } from "../../src/config.ts";
import { testApp } from "../http/setup.ts";
import { tempDir } from "../temp-dir.ts";
import { testAccess } from "./setup.ts";

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

describe("who needs a token", () => {
  test("nobody on a loopback address; everybody on any other, with one configured, or behind a proxy", () => {
    const open = (environment: Record<string, string>) => isOpen(loadConfig(environment));
    for (const host of ["127.0.0.1", "127.8.9.1", "::1", "localhost"]) expect(open({ HOST: host })).toBe(true);
    for (const host of ["0.0.0.0", "::", "192.168.1.7", "127.evil.example"]) expect(open({ HOST: host })).toBe(false);
    expect(open({ AUTH_TOKEN: "correct horse battery" })).toBe(false);
    expect(open({ TRUSTED_PROXIES: "127.0.0.1" })).toBe(false);
  });

  test("where one is needed it is made once, shown once, kept as a hash, and good after a restart", () => {
    using dir = tempDir();
    let token = "";
    {
      using first = testAccess({ HOST: "0.0.0.0" }, dir.path);
      token = first.access.generatedToken ?? "";
      expect(token).toMatch(/^llmm_[\w-]{43}$/);
    }
    using second = testAccess({ HOST: "0.0.0.0" }, dir.path);
    expect(second.access.generatedToken).toBeUndefined();
    expect(second.as(token)).toMatchObject({ kind: "token", name: "first start", role: "admin" });
    expect(() => second.as(undefined)).toThrow("token is needed");
    expect(() => second.as(`${token}x`)).toThrow("does not know the token");
    expect(JSON.stringify(second.store.db.query.accessTokens.findMany().sync())).not.toContain(token.slice(5));
  });

  test("one is made again when none is left that could make others, so that nobody is locked out", () => {
    using dir = tempDir();
    {
      using first = testAccess({ HOST: "0.0.0.0" }, dir.path);
      first.access.revokeToken("tok-1", { force: true, actor: first.actor });
      first.make({ name: "reader", role: "viewer" });
    }
    using second = testAccess({ HOST: "0.0.0.0" }, dir.path);
    expect(second.as(second.access.generatedToken)).toMatchObject({ role: "admin" });
  });

  test("a configured token administers, on every address, beside those that were made", () => {
    using t = testAccess({ AUTH_TOKEN: "correct horse battery" });
    expect(t.access.generatedToken).toBeUndefined();
    expect(t.as("correct horse battery")).toMatchObject({ name: "AUTH_TOKEN", role: "admin" });
    expect(t.as(t.make({ name: "reader", role: "viewer" }))).toMatchObject({ name: "reader", role: "viewer" });
    expect(() => t.as(undefined)).toThrow("token is needed");
    expect(() => t.as("correct horse batter")).toThrow("does not know");
  });

  test("on an open server who shows a token is its bearer, and a bad one is refused", () => {
    using t = testAccess();
    expect(t.as(undefined)).toMatchObject({ kind: "open", role: "admin", address: "192.0.2.7" });
    expect(t.as(t.make({ name: "reader", role: "viewer" }))).toMatchObject({ kind: "token", role: "viewer" });
    expect(() => t.as("llmm_made-up")).toThrow("does not know");
  });
});

describe("a socket's middleware", () => {
  const options = { secure: false, onError: (error: unknown) => expect.unreachable(String(error)) };

  test("takes the token from auth or from the header, and says why not", () => {
    using t = testAccess({ AUTH_TOKEN: "a-token-of-20-letters" });
    const middleware = socketAccess(t.access, options);
    const ask = (auth: Record<string, unknown>, headers = {}) => {
      let answer: unknown = "not called";
      const handshake = { auth, headers, address: "192.0.2.7" } as Parameters<typeof middleware>[0]["handshake"];
      const socket = { handshake, recovered: false, data: {} as { caller?: Caller } };
      middleware(socket, (error) => {
        answer = error?.data ?? socket.data.caller;
      });
      return answer;
    };
    expect(ask({ token: "a-token-of-20-letters" })).toMatchObject({ name: "AUTH_TOKEN", address: "192.0.2.7" });
    expect(ask({}, { authorization: "Bearer a-token-of-20-letters" })).toMatchObject({ name: "AUTH_TOKEN" });
    for (const auth of [{}, { token: "wrong" }, { token: 5 }, { token: ["a-token-of-20-letters"] }]) {
      expect(ask(auth)).toMatchObject({ code: "unauthorized" });
    }
  });

  test("lets nobody go on with the connection of somebody else", () => {
    using t = testAccess({ AUTH_TOKEN: "a-token-of-20-letters" });
    const middleware = socketAccess(t.access, options);
    const before = t.as(t.make({ name: "before", role: "admin" }));
    const handshake = {
      auth: { token: "a-token-of-20-letters" },
      headers: {},
      address: "192.0.2.7",
    } as unknown as Parameters<typeof middleware>[0]["handshake"];
    const answers: unknown[] = [];
    middleware({ handshake, recovered: true, data: { caller: before } }, (error) => answers.push(error?.data?.code));
    const same = t.as("a-token-of-20-letters");
    middleware({ handshake, recovered: true, data: { caller: same } }, (error) => answers.push(error?.data?.code));
    expect(answers).toEqual(["session_changed", undefined]);
  });
});

describe("over HTTP", () => {
  test("the API and the metrics are closed, health, page and documents are open", async () => {
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
