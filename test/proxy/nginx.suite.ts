import { expect, setDefaultTimeout, test } from "bun:test";
import { serverProcess } from "../server-process.ts";
import { connectClient } from "../socket-client.ts";
import { getOverTls, tlsIdentity } from "../tls-identity.ts";
import { startNginx } from "./nginx.ts";

setDefaultTimeout(60_000);

const { cert: ca } = tlsIdentity("first");
const TOKEN = "a-token-for-this-test";
const env = { AUTH_TOKEN: TOKEN, ALLOWED_HOSTS: "llm.example.org", ALERTS: "off" };

test("the documented nginx passes on the page, the API and both transports", async () => {
  await using server = await serverProcess({ env });
  await using proxy = await startNginx(Number(new URL(server.url).port));
  for (const path of ["/", "/docs", "/healthz"]) {
    expect([path, (await getOverTls(proxy.port, ca, path)).status]).toEqual([path, 200]);
  }
  expect((await getOverTls(proxy.port, ca, "/api/v1/models")).status).toBe(401);
  for (const transport of ["websocket", "polling"] as const) {
    using client = await connectClient(`https://localhost:${proxy.port}`, transport, { ca, auth: { token: TOKEN } });
    expect(client.socket.io.engine.transport.name).toBe(transport);
    await client.ask("subscribe_activity_stream");
    const message = `written for ${transport}`;
    await fetch(`${server.url}/api/v1/activities`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${TOKEN}` },
      body: JSON.stringify({ message }),
    });
    await client.next("activity_stream", ({ data }) => data.message === message);
  }
});

test("its own page may connect, a page from elsewhere may not", async () => {
  await using server = await serverProcess({ env });
  await using proxy = await startNginx(Number(new URL(server.url).port));
  const url = `https://localhost:${proxy.port}`;
  const from = (origin: string) => ({ ca, auth: { token: TOKEN }, extraHeaders: { origin }, reconnection: false });
  for (const transport of ["websocket", "polling"] as const) {
    using own = await connectClient(url, transport, from(url));
    expect(own.socket.connected).toBe(true);
    expect(connectClient(url, transport, from("https://elsewhere.example"))).rejects.toThrow();
  }
});
