import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type ServerProcess, serverProcess } from "../server-process.ts";
import { connectClient, type TestClient } from "../socket-client.ts";

const AUTH_TOKEN = "a-token-of-20-letters";

describe.each(["bun", "deno"] as const)("connections to a server run by %s", (runtime) => {
  let server: ServerProcess;
  const asAdmin = { authorization: `Bearer ${AUTH_TOKEN}`, "content-type": "application/json" };
  const call = (method: string, path: string, body?: object, headers: Record<string, string> = asAdmin) =>
    fetch(`${server.url}/api/v1${path}`, { method, headers, ...(body && { body: JSON.stringify(body) }) });
  const make = async (input: object): Promise<{ token: string; token_id: string }> =>
    (await call("POST", "/tokens", { role: "viewer", name: "test", ...input })).json();

  beforeAll(async () => {
    server = await serverProcess({ runtime, env: { AUTH_TOKEN } });
  }, 60_000);
  afterAll(() => server[Symbol.asyncDispose]());

  describe.each(["websocket", "polling"] as const)("over %s", (transport) => {
    /** Resolves to why the connection was ended, once it is. */
    async function ending(client: TestClient): Promise<string> {
      const closed = new Promise<void>((resolve) => client.socket.once("disconnect", () => resolve()));
      const { code } = await client.next("access_ended");
      await closed;
      return code;
    }

    test("end when their token is revoked, do not come back, and no others do", async () => {
      const { token, token_id } = await make({});
      using client = await connectClient(server.url, transport, { auth: { token } });
      using other = await connectClient(server.url, transport, { auth: { token: (await make({})).token } });
      await client.ask("subscribe_all");
      const ended = ending(client);
      expect((await call("DELETE", `/tokens/${token_id}`)).status).toBe(200);
      expect(await ended).toBe("token_revoked");
      const refused = new Promise<Error>((resolve) => client.socket.once("connect_error", resolve));
      client.socket.connect();
      expect(await refused).toMatchObject({ data: { code: "unauthorized" } });
      expect((await other.ask("subscribe_all")).event_type).toBe("all");
    });

    test("end when their token's time is over", async () => {
      const { token } = await make({ expires_in_seconds: 1 });
      using client = await connectClient(server.url, transport, { auth: { token } });
      expect(await ending(client)).toBe("token_expired");
    });

    test("of a browser need no token, and end when it signs out", async () => {
      const { token } = await make({ name: "anna" });
      const signedIn = await call("POST", "/session", { token });
      const cookie = signedIn.headers.get("set-cookie")?.split(";")[0] ?? "";
      const origin = server.url;
      using client = await connectClient(server.url, transport, { extraHeaders: { cookie, origin } });
      expect((await client.ask("subscribe_all")).event_type).toBe("all");
      const ended = ending(client);
      expect((await call("DELETE", "/session", undefined, { cookie, origin })).status).toBe(204);
      expect(await ended).toBe("signed_out");
    });

    test("of a page from elsewhere are not made with the cookie of a browser that has signed in here", async () => {
      const { token } = await make({ name: "anna" });
      const signedIn = await call("POST", "/session", { token });
      const cookie = signedIn.headers.get("set-cookie")?.split(";")[0] ?? "";
      const extraHeaders = { cookie, origin: "http://127.0.0.1:1" };
      const refused = await connectClient(server.url, transport, { extraHeaders }).catch((error: unknown) => error);
      expect(refused).toBeInstanceOf(Error);
    });
  });
});
