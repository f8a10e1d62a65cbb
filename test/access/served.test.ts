import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { statusOf } from "../host/running-host.ts";
import { type ServerProcess, serverProcess } from "../server-process.ts";
import { connectClient } from "../socket-client.ts";

const START_TIMEOUT_MS = 60_000;
const TOKEN = "a-token-of-20-letters";
const UPGRADE = [
  "Connection: Upgrade",
  "Upgrade: websocket",
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
];

/** Every way in, and what it answers when it is open. */
const ways = [
  ["HTTP", "/healthz", [], 200],
  ["polling", "/socket.io/?EIO=4&transport=polling", [], 200],
  ["WebSocket", "/socket.io/?EIO=4&transport=websocket", UPGRADE, 101],
] as const;

describe.each(["bun", "deno"] as const)("a server on loopback, run by %s", (runtime) => {
  let server: ServerProcess;

  beforeAll(async () => {
    const env = { AUTH_TOKEN: TOKEN, ALLOWED_HOSTS: "box.lan", CORS_ORIGINS: "https://friend.example" };
    server = await serverProcess({ runtime, env });
  }, START_TIMEOUT_MS);
  afterAll(() => server[Symbol.asyncDispose]());

  describe.each(ways)("over %s", (_, path, upgrade, open) => {
    const ask = (...headers: string[]) =>
      statusOf(
        Number(new URL(server.url).port),
        `${[`GET ${path} HTTP/1.1`, ...headers, ...upgrade].join("\r\n")}\r\n\r\n`,
      );

    test("answers to its own names, to programs, to its own page and to the named ones", async () => {
      expect(await ask("Host: localhost")).toBe(open);
      expect(await ask("Host: BOX.lan:80")).toBe(open);
      expect(await ask("Host: 127.0.0.1:5000", "Origin: http://127.0.0.1:5000")).toBe(open);
      expect(await ask("Host: box.lan", "Origin: https://box.lan")).toBe(open);
      expect(await ask("Host: localhost", "Origin: https://friend.example")).toBe(open);
    });

    test("refuses a name that was bent to this machine, and pages from elsewhere", async () => {
      expect(await ask("Host: evil.example")).toBe(403);
      expect(await ask("Host: evil.example", "Origin: http://evil.example")).toBe(403);
      expect(await ask("Host: localhost", "Origin: http://evil.example")).toBe(403);
      expect(await ask("Host: localhost:5000", "Origin: http://localhost:3000")).toBe(403);
      expect(await ask("Host: localhost", "Origin: null")).toBe(403);
    });

    test("a proxy's headers make no name one of its own", async () => {
      expect(await ask("Host: evil.example", "X-Forwarded-Host: localhost", "Forwarded: host=localhost")).toBe(403);
    });
  });

  test.each(["websocket", "polling"] as const)("a client over %s needs the token", async (transport) => {
    for (const options of [
      { auth: { token: TOKEN } },
      { extraHeaders: { authorization: `Bearer ${TOKEN}` } },
      { auth: { token: 5 }, extraHeaders: { authorization: `Bearer ${TOKEN}` } },
    ]) {
      using client = await connectClient(server.url, transport, options);
      expect((await client.ask("subscribe_system_alerts")).event_type).toBe("system_alerts");
    }
    for (const options of [{}, { auth: { token: "another-token-it-is" } }, { auth: { token: [TOKEN] } }]) {
      const refused = await connectClient(server.url, transport, options).catch((error: unknown) => error);
      expect(refused).toMatchObject({ data: { code: "unauthorized" } });
    }
  });
});
