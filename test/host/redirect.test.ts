import { expect, test } from "bun:test";
import { listenRedirect } from "../../src/host/redirect.ts";

const redirectTo = (securePort: number) =>
  listenRedirect({ hostname: "127.0.0.1", port: 0, securePort, refuses: (host) => host.startsWith("evil") });

async function ask(port: number, init: RequestInit & { path?: string } = {}) {
  const response = await fetch(`http://127.0.0.1:${port}${init.path ?? "/"}`, { ...init, redirect: "manual" });
  return [response.status, response.headers.get("location")];
}

test("what reads is sent on to the same address over TLS", async () => {
  await using server = await redirectTo(8443);
  expect(await ask(server.port, { path: "/docs?x=1", headers: { host: "llm.example.org:80" } })).toEqual([
    308,
    "https://llm.example.org:8443/docs?x=1",
  ]);
  expect(await ask(server.port, { method: "HEAD", headers: { host: "[::1]" } })).toEqual([308, "https://[::1]:8443/"]);
});

test("the usual port is not written", async () => {
  await using server = await redirectTo(443);
  expect(await ask(server.port, { headers: { host: "llm.example.org" } })).toEqual([308, "https://llm.example.org/"]);
});

test("a command is refused, and nobody is sent to a name that is not the server's", async () => {
  await using server = await redirectTo(443);
  expect(await ask(server.port, { method: "POST", body: "{}" })).toEqual([403, null]);
  expect(await ask(server.port, { headers: { host: "evil.example" } })).toEqual([403, null]);
  expect(await ask(server.port, { headers: { host: "a@b" } })).toEqual([400, null]);
});
