import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import fc from "fast-check";
import { roleFor } from "../../src/access/oidc.ts";
import { runCli } from "../cli/cli-process.ts";
import { type ServerProcess, serverProcess } from "../server-process.ts";
import { connectClient } from "../socket-client.ts";
import { tempDir } from "../temp-dir.ts";
import { Browser, CLIENT, TestProvider } from "./oidc-provider.ts";

const people = {
  ada: { email: "ada@example.org", email_verified: true },
  grace: { email: "grace@example.org", email_verified: true, groups: ["ml", "staff"] },
  mallory: { email: "ada@example.org", email_verified: false },
};
const START_TIMEOUT_MS = 90_000;

describe.each(["bun", "deno"] as const)("sign-in at a provider, run by %s", (runtime) => {
  let provider: TestProvider;
  let server: ServerProcess;
  let begin: string;

  beforeAll(async () => {
    provider = await new TestProvider().listen();
    server = await serverProcess({
      runtime,
      env: {
        OIDC_ISSUER: provider.issuer,
        OIDC_CLIENT_ID: CLIENT.id,
        OIDC_CLIENT_SECRET: CLIENT.secret,
        OIDC_SCOPES: "openid email groups",
        OIDC_ADMINS: "ada@example.org",
        OIDC_VIEWERS: "ml",
        OIDC_NAME: "Example",
        ALERTS: "off",
      },
    });
    begin = `${server.url}/auth/oidc`;
    const early = await fetch(begin, { redirect: "manual" });
    expect([early.status, await early.text()]).toEqual([403, expect.stringContaining("does not answer as it should")]);
    provider.serve(people, `${begin}/callback`);
  }, START_TIMEOUT_MS);

  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    await provider[Symbol.asyncDispose]();
  });

  const session = (browser: Browser) => browser.get(`${server.url}/api/v1/session`);

  test("makes a session with the person's role, for HTTP and Socket.IO, until they sign out", async () => {
    const methods = await fetch(`${server.url}/api/v1/sign-in-methods`);
    expect(await methods.json()).toEqual({ oidc: { name: "Example", url: "/auth/oidc" } });
    const browser = new Browser();
    expect((await session(browser)).status).toBe(401);
    const answer = await browser.get(await browser.upToCallback(begin, "ada"));
    expect([answer.status, answer.headers.get("location")]).toEqual([302, "/"]);
    expect(answer.headers.getSetCookie()[0]).toContain("HttpOnly; SameSite=Strict");
    expect(await (await session(browser)).json()).toMatchObject({
      kind: "session",
      name: "ada@example.org",
      role: "admin",
    });

    const extraHeaders = { cookie: browser.cookie(server.url) };
    for (const transport of ["websocket", "polling"] as const) {
      using client = await connectClient(server.url, transport, { extraHeaders });
      expect(await client.ask("subscribe_all")).toMatchObject({ event_type: "all" });
    }
    const origin = { headers: { origin: server.url } };
    expect((await browser.get(`${server.url}/api/v1/session`, { method: "DELETE", ...origin })).status).toBe(204);
    expect((await session(browser)).status).toBe(401);
  });

  test("gives no more than the person's groups allow", async () => {
    const browser = new Browser();
    await browser.get(await browser.upToCallback(begin, "grace"));
    expect(await (await session(browser)).json()).toMatchObject({ role: "viewer" });
    const refused = await browser.get(`${server.url}/api/v1/models`, {
      method: "POST",
      headers: { origin: server.url, "content-type": "application/json" },
      body: JSON.stringify({ model_id: "m", name: "M", model_source: "local" }),
    });
    expect(refused.status).toBe(403);
  });

  test("lets nobody in whom no list names, also under an address that is not theirs", async () => {
    const browser = new Browser();
    const answer = await browser.get(await browser.upToCallback(begin, "mallory"));
    expect([answer.status, await answer.text()]).toEqual([403, expect.stringContaining("may not use this server")]);
    expect((await session(browser)).status).toBe(401);
  });

  test("is finished in the browser that began it, once, and says why the provider refused", async () => {
    const browser = new Browser();
    const callback = await browser.upToCallback(begin, "ada");
    const elsewhere = await new Browser().get(callback);
    expect([elsewhere.status, await elsewhere.text()]).toEqual([
      403,
      expect.stringContaining("not begun in this browser"),
    ]);
    expect((await browser.get(callback)).status).toBe(302);
    expect((await browser.get(callback)).status).toBe(403);

    const again = new Browser();
    const state = new URL((await again.get(begin)).headers.get("location") ?? "").searchParams.get("state") ?? "";
    const query = new URLSearchParams({
      state,
      error: "access_denied",
      error_description: "<b>no</b>",
      iss: provider.issuer,
    });
    const denied = await (await again.get(`${begin}/callback?${query}`)).text();
    expect(denied).toContain("The provider refused: &lt;b&gt;no&lt;/b&gt;.");
  });
});

describe("a role", () => {
  const roles = { admin: ["Root@Example.org"], operator: ["ops"], viewer: ["*"] };

  test("is the strongest whose list names the person", () => {
    const email = { email: "root@example.org", email_verified: true };
    expect(roleFor({ sub: "1", ...email, groups: ["ops"] }, "groups", roles)).toBe("admin");
    expect(roleFor({ sub: "1", groups: ["ops"] }, "groups", roles)).toBe("operator");
    expect(roleFor({ sub: "1", groups: "ops" }, "groups", roles)).toBe("operator");
    expect(roleFor({ sub: "1" }, "groups", roles)).toBe("viewer");
    expect(roleFor({ sub: "ops" }, "groups", { ...roles, viewer: [] })).toBe("operator");
  });

  test("comes from no address that the provider has not verified, and from no claim of another shape", () => {
    const anything = fc.oneof(fc.jsonValue(), fc.constant("Root@Example.org"), fc.constant(undefined));
    fc.assert(
      fc.property(anything, anything, anything, (email_verified, name, groups) => {
        fc.pre(email_verified !== true && !JSON.stringify([groups]).includes("Root@Example.org"));
        const claims = { sub: "1", email: "root@example.org", email_verified, name, groups };
        expect(roleFor(claims, "groups", { admin: roles.admin, operator: [], viewer: [] })).toBeUndefined();
      }),
    );
  });
});

test.each([
  [
    { OIDC_ISSUER: "http://id.example.org" },
    'OIDC_ISSUER is "http://id.example.org", but it must be an https:// address',
  ],
  [{ OIDC_ISSUER: "https://id.example.org" }, "OIDC_ISSUER needs OIDC_CLIENT_ID"],
  [{ OIDC_ISSUER: "https://id.example.org", OIDC_CLIENT_ID: "x" }, "or nobody could sign in"],
])("a provider that cannot work stops the start with one line (%#)", async (env, message) => {
  using dir = tempDir();
  const { code, stderr } = await runCli(["serve", "--port", "0", "--data-dir", dir.path], env);
  expect([code, stderr]).toEqual([2, expect.stringContaining(message)]);
});
