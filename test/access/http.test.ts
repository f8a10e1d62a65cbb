import { describe, expect, test } from "bun:test";
import { createRoute } from "../../src/contract/rest/route.ts";
import { testApp } from "../http/setup.ts";

const AUTH_TOKEN = "a-token-of-20-letters";
const asAdmin = { authorization: `Bearer ${AUTH_TOKEN}` };
const model = { model_id: "m", name: "M", model_source: "local" };
type App = ReturnType<typeof testApp>;

async function makeToken(
  t: App,
  input: object,
): Promise<{ token: string; token_id: string; bearer: { authorization: string } }> {
  const { status, body } = await t.json("POST", "/api/v1/tokens", input, asAdmin);
  expect(status).toBe(201);
  return { ...body, bearer: { authorization: `Bearer ${body.token}` } };
}

/** The newest entry of the history. */
function newest(t: App) {
  return t.activities.list({ limit: 1 }).items[0];
}

describe("tokens over REST", () => {
  test("are made, listed without their secrets, and revoked", async () => {
    using t = testApp({ AUTH_TOKEN });
    const { token, token_id, bearer } = await makeToken(t, { name: "ci", role: "viewer", expires_in_seconds: 3_600 });
    expect(token).toMatch(/^llmm_[\w-]{43}$/);
    expect((await t.request("GET", "/api/v1/models", { headers: bearer })).status).toBe(200);
    const listed = await t.request("GET", "/api/v1/tokens", { headers: asAdmin });
    const text = await listed.text();
    expect(text).not.toContain(token.slice(5));
    expect(JSON.parse(text)).toMatchObject({
      items: [{ token_id, name: "ci", role: "viewer", state: "active" }],
      next: null,
    });
    const revoked = await t.json("DELETE", `/api/v1/tokens/${token_id}`, undefined, asAdmin);
    expect(revoked).toMatchObject({ status: 200, body: { state: "revoked" } });
    expect(await t.json("GET", "/api/v1/models", undefined, bearer)).toMatchObject({
      status: 401,
      body: { code: "unauthorized", detail: expect.stringContaining("was revoked") },
    });
  });

  test("are paged, newest first", async () => {
    using t = testApp({ AUTH_TOKEN });
    for (const name of ["a", "b", "c"]) await makeToken(t, { name, role: "viewer" });
    const first = (await t.json("GET", "/api/v1/tokens?limit=2", undefined, asAdmin)).body;
    expect(first.items.map(({ name }: { name: string }) => name)).toEqual(["c", "b"]);
    const second = (await t.json("GET", `/api/v1/tokens?before=${first.next}`, undefined, asAdmin)).body;
    expect(second).toMatchObject({ items: [{ name: "a" }], next: null });
  });

  test.each([
    ["POST", "/api/v1/tokens", { name: "x" }, "role"],
    ["POST", "/api/v1/tokens", { name: "x", role: "viewer", scopes: ["admin"] }, "role"],
    ["POST", "/api/v1/tokens", { name: "x", scopes: ["read:everything"] }, "scopes.0"],
    ["POST", "/api/v1/tokens", { name: "x", role: "viewer", expires_in_seconds: -1 }, "expires_in_seconds"],
    ["DELETE", "/api/v1/tokens/1", undefined, "token_id"],
    ["DELETE", "/api/v1/tokens/tok-1?force=maybe", undefined, "force"],
  ])("%s %s with %j names %s", async (method, path, body, field) => {
    using t = testApp({ AUTH_TOKEN });
    const answer = await t.json(method, path, body, asAdmin);
    expect(answer).toMatchObject({ status: 422, body: { errors: [{ field }] } });
  });

  test("what is lacking is named, for people, programs and browsers", async () => {
    using t = testApp({ AUTH_TOKEN });
    const { bearer } = await makeToken(t, { name: "reader", role: "viewer" });
    const answer = await t.request("POST", "/api/v1/models", {
      body: JSON.stringify(model),
      headers: { ...bearer, "content-type": "application/json" },
    });
    expect(answer.status).toBe(403);
    expect(answer.headers.get("www-authenticate")).toBe('Bearer error="insufficient_scope", scope="write:models"');
    expect(await answer.json()).toMatchObject({
      code: "forbidden",
      scope: "write:models",
      detail: 'This needs the scope write:models, which the token "reader" (viewer) does not have.',
    });
  });

  test("a refusal comes before the body is read, and before it is said what there is", async () => {
    using t = testApp({ AUTH_TOKEN });
    const { bearer } = await makeToken(t, { name: "reader", role: "viewer" });
    const broken = { body: "{", headers: { ...bearer, "content-type": "text/plain" } };
    expect((await t.request("POST", "/api/v1/models", broken)).status).toBe(403);
    expect((await t.request("DELETE", "/api/v1/models/nothing", { headers: bearer })).status).toBe(403);
    for (const path of ["/api/v1/nowhere", "/api/nowhere", "/api/v1/models/x/y"]) {
      expect((await t.request("GET", path)).status).toBe(401);
      expect((await t.request("GET", path, { headers: bearer })).status).toBe(404);
    }
    expect((await t.request("HEAD", "/api/v1/models")).status).toBe(401);
    expect((await t.request("HEAD", "/api/v1/models", { headers: bearer })).status).toBe(200);
  });
});

describe("a browser", () => {
  const own = { origin: "http://localhost:5000" };

  test("signs in, is known by its cookie, and signs out", async () => {
    using t = testApp({ AUTH_TOKEN });
    const body = JSON.stringify({ token: AUTH_TOKEN });
    const signedIn = await t.request("POST", "/api/v1/session", {
      body,
      headers: { ...own, "content-type": "application/json" },
    });
    expect(signedIn.status).toBe(201);
    expect(signedIn.headers.get("cache-control")).toBe("no-store");
    const [cookie = "", ...attributes] = (signedIn.headers.get("set-cookie") ?? "").split("; ");
    expect(attributes).toEqual(["Path=/", "HttpOnly", "SameSite=Strict"]);
    expect((await t.json("GET", "/api/v1/session", undefined, { cookie })).body).toMatchObject({
      kind: "session",
      name: "AUTH_TOKEN",
      role: "admin",
      scopes: expect.arrayContaining(["admin", "read:models"]),
    });
    expect((await t.json("POST", "/api/v1/models", model, { cookie, ...own })).status).toBe(201);
    expect((await t.json("POST", "/api/v1/models", model, { cookie })).status).toBe(401);
    const signedOut = await t.request("DELETE", "/api/v1/session", { headers: { cookie, ...own } });
    expect(signedOut.status).toBe(204);
    expect(signedOut.headers.get("set-cookie")).toContain("Max-Age=0");
    expect((await t.json("GET", "/api/v1/session", undefined, { cookie })).status).toBe(401);
  });

  test("with the wrong token gets no cookie", async () => {
    using t = testApp({ AUTH_TOKEN });
    const headers = { "content-type": "application/json" };
    const refused = await t.request("POST", "/api/v1/session", { body: '{"token":"wrong"}', headers });
    expect(refused.status).toBe(401);
    expect(refused.headers.get("set-cookie")).toBeNull();
    expect((await t.json("POST", "/api/v1/session", { token: 5 })).status).toBe(422);
  });
});

describe("a command", () => {
  test("is in the history with who gave it and from where, once", async () => {
    using t = testApp({ AUTH_TOKEN });
    const { bearer } = await makeToken(t, { name: "ci", role: "operator" });
    const count = async () =>
      (await t.json("GET", "/api/v1/activities?limit=500", undefined, asAdmin)).body.items.length;
    const before = await count();
    await t.json("POST", "/api/v1/models", model, bearer);
    expect(newest(t)).toMatchObject({
      activity_type: "user_operation",
      resource_id: "m",
      extra_data: { actor: { kind: "token", name: "ci", role: "operator", address: "192.0.2.7" } },
    });
    await t.json("DELETE", "/api/v1/models/m", undefined, bearer);
    expect(await count()).toBe(before + 2);
    // What is refused or only read is no command.
    await t.json("POST", "/api/v1/models", {}, bearer);
    await t.json("GET", "/api/v1/models", undefined, bearer);
    expect(await count()).toBe(before + 2);
  });

  test("whose noun writes nothing is written down all the same", async () => {
    using t = testApp();
    const route = createRoute({
      method: "post",
      path: "/api/v1/things/{thing_id}/polish",
      "x-scope": "write:models",
      summary: "Polish a thing",
      responses: { 204: { description: "It shines" } },
    });
    t.app.openapi(route, (c) => c.body(null, 204));
    await t.json("POST", "/api/v1/things/a%20b/polish", undefined);
    expect(newest(t)).toMatchObject({
      activity_type: "user_operation",
      message: "Polish a thing: a b",
      resource_type: "thing",
      resource_id: "a b",
      extra_data: {
        actor: { kind: "open", name: "this machine", address: "192.0.2.7" },
        method: "POST",
        path: "/api/v1/things/a b/polish",
      },
    });
  });

  test("that goes on after its answer is nobody's from then on", async () => {
    using t = testApp();
    const later = Promise.withResolvers<void>();
    const written = Promise.withResolvers<void>();
    const route = createRoute({
      method: "post",
      path: "/api/v1/later",
      "x-scope": "write:models",
      summary: "Do it later",
      responses: { 204: { description: "It will be done" } },
    });
    t.app.openapi(route, (c) => {
      void later.promise.then(() => {
        t.activities.create({
          activity_type: "model_deployment",
          message: "done",
          severity: "info",
          resource_type: null,
          resource_id: null,
          extra_data: {},
        });
        written.resolve();
      });
      return c.body(null, 204);
    });
    await t.json("POST", "/api/v1/later", undefined);
    expect(newest(t)).toMatchObject({ message: "Do it later", extra_data: { actor: { kind: "open" } } });
    later.resolve();
    await written.promise;
    expect(newest(t)).toMatchObject({ message: "done", extra_data: {} });
    expect(newest(t)?.extra_data.actor).toBeUndefined();
  });

  test("cannot pretend to be somebody else's", async () => {
    using t = testApp();
    const forged = { message: "it was them", extra_data: { actor: { name: "them" } } };
    const { body } = await t.json("POST", "/api/v1/activities", forged);
    expect(body.extra_data.actor).toMatchObject({ kind: "open", name: "this machine" });
  });
});

describe("failed attempts", () => {
  test("are in the history, and cannot fill it", async () => {
    using t = testApp({ AUTH_TOKEN });
    const attempt = (address: string) =>
      t.app.request(
        "/api/v1/models",
        { headers: { host: "localhost:5000", authorization: "Bearer llmm_guess" } },
        { address },
      );
    for (let i = 0; i < 500; i++) await attempt("192.0.2.7");
    for (let i = 0; i < 300; i++) await attempt(`198.51.100.${i % 30}`);
    const told = async () => {
      const { body } = await t.json("GET", "/api/v1/activities?limit=500&resource_type=access", undefined, asAdmin);
      return body.items.map(({ message }: { message: string }) => message);
    };
    expect(await told()).toHaveLength(10);
    expect((await told()).at(-1)).toBe("Somebody at 192.0.2.7 was refused: not a valid token");
    await t.clock.advance(60_000);
    const lines = await told();
    expect(lines).toHaveLength(21);
    expect(lines).toContain("499 more attempts from 192.0.2.7 were refused: not a valid token");
    expect(lines[0]).toBe("210 attempts from other addresses were refused: not a valid token");
    // Whoever shows nothing has not tried.
    await t.request("GET", "/api/v1/models");
    expect(await told()).toHaveLength(21);
  });
});

describe("an answer that goes on", () => {
  /** A route that says something and then waits, and whether somebody still listens to it. */
  function following(t: App) {
    const state = { left: false };
    const route = createRoute({
      method: "get",
      path: "/api/v1/follow",
      "x-scope": "read:logs",
      responses: { 200: { description: "Lines" } },
    });
    t.app.openapi(route, () => {
      const body = new ReadableStream<Uint8Array>({
        start: (controller) => controller.enqueue(new TextEncoder().encode("first")),
        cancel() {
          state.left = true;
        },
      });
      return new Response(body, { headers: { "x-accel-buffering": "no", "content-type": "text/plain" } });
    });
    return state;
  }

  test("ends when the token is revoked that it was asked for with", async () => {
    using t = testApp({ AUTH_TOKEN });
    const state = following(t);
    const { bearer, token_id } = await makeToken(t, { name: "ci", role: "operator" });
    const answer = await t.request("GET", "/api/v1/follow", { headers: bearer });
    expect(answer.headers.get("content-type")).toBe("text/plain");
    const reader = answer.body?.getReader();
    expect(new TextDecoder().decode((await reader?.read())?.value)).toBe("first");
    const rest = reader?.read();
    await t.json("DELETE", `/api/v1/tokens/${token_id}`, undefined, asAdmin);
    expect(await rest).toEqual({ done: true, value: undefined });
    expect(state.left).toBe(true);
  });

  test("is let go of when its reader leaves, and watches over nobody then", async () => {
    using t = testApp();
    const state = following(t);
    const before = t.clock.pending;
    const answer = await t.request("GET", "/api/v1/follow");
    expect(t.clock.pending).toBe(before + 1);
    await answer.body?.cancel();
    expect([state.left, t.clock.pending]).toEqual([true, before]);
  });
});
