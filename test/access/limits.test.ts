import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { request } from "node:http";
import { Limits } from "../../src/access/limits.ts";
import { RawWebSocket } from "../host/raw-web-socket.ts";
import { type Runtime, type ServerProcess, serverProcess } from "../server-process.ts";
import { connectClient } from "../socket-client.ts";

const rates = {
  httpRequestsPerSecond: 1,
  socketHandshakesPerSecond: 1,
  socketConnections: 5,
  socketConnectionsPerAddress: 3,
};
const START_TIMEOUT_MS = 90_000;

describe("limits", () => {
  const used = (limits: Limits, address: string) => {
    let taken = 0;
    while (!limits.handshake(address)) taken++;
    return taken;
  };

  test("are each address's own, with a burst", () => {
    const limits = new Limits(rates);
    expect(used(limits, "192.0.2.1")).toBe(10);
    expect(limits.handshake("192.0.2.1")?.code).toBe("rate_limited");
    expect(used(limits, "192.0.2.2")).toBe(10);
  });

  test("take the addresses of one IPv6 network for one, and other networks for others", () => {
    const limits = new Limits(rates);
    expect(used(limits, "2001:db8:1:2::1")).toBe(10);
    expect(used(limits, "2001:db8:1:2:ffff::9")).toBe(0);
    expect(used(limits, "2001:db8:1:3::1")).toBe(10);
  });

  test("count connections until they end, each address's and all", () => {
    const limits = new Limits(rates);
    const open = ["a", "a", "a"].map((address) => limits.connected(address));
    expect(limits.connection("a")?.code).toBe("rate_limited");
    expect(limits.connection("b")).toBeUndefined();
    open.push(limits.connected("b"), limits.connected("c"));
    expect(limits.connection("d")?.code).toBe("unavailable");
    for (const connection of open) connection[Symbol.dispose]();
    expect(limits.connection("a")).toBeUndefined();
  });

  test("remember a bounded number of addresses", () => {
    const limits = new Limits(rates);
    expect(used(limits, "first")).toBe(10);
    for (let n = 0; n < 10_000; n++) limits.handshake(`address ${n}`);
    expect(used(limits, "first")).toBe(10);
  });
});

/** The status of a request that comes from `from`, one of this machine's loopback addresses. */
function statusFrom(from: string, url: string): Promise<[number | undefined, string | undefined]> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { localAddress: from, agent: false }, (response) => {
      response.resume();
      resolve([response.statusCode, response.headers["retry-after"]]);
    });
    sent.on("error", reject);
    sent.end();
  });
}

describe.each(["bun", "deno"] as const)("a server with low limits, run by %s", (runtime: Runtime) => {
  let server: ServerProcess;
  beforeAll(async () => {
    server = await serverProcess({
      runtime,
      env: {
        HTTP_REQUESTS_PER_SECOND: "1",
        SOCKET_HANDSHAKES_PER_SECOND: "3",
        SOCKET_CONNECTIONS_PER_ADDRESS: "4",
        SOCKET_BYTES_PER_SECOND: "1024",
        ALERTS: "off",
      },
    });
  }, START_TIMEOUT_MS);
  afterAll(() => server[Symbol.asyncDispose]());

  test("refuses who asks too much and serves everybody else", async () => {
    const answers = [];
    for (let n = 0; n < 30; n++) answers.push(await statusFrom("127.0.0.2", `${server.url}/healthz`));
    expect(answers).toContainEqual([200, undefined]);
    expect(answers).toContainEqual([429, "1"]);
    expect(await statusFrom("127.0.0.3", `${server.url}/healthz`)).toEqual([200, undefined]);
  });

  test("refuses handshakes and connections beyond the limit with a reason, and takes others when some have gone", async () => {
    const clients = [];
    for (let n = 0; n < 4; n++) clients.push(await connectClient(server.url, "websocket"));
    expect(connectClient(server.url, "websocket", { reconnection: false })).rejects.toMatchObject({
      data: { code: "rate_limited" },
    });
    for (const client of clients) client[Symbol.dispose]();
    const handshake = `${server.url}/socket.io/?EIO=4&transport=polling`;
    const answers = [];
    for (let n = 0; n < 60; n++) answers.push((await statusFrom("127.0.0.4", handshake))[0]);
    expect(answers).toContain(429);
    using again = await connectClient(server.url, "websocket");
    expect(again.socket.connected).toBe(true);
  });

  test("warns who sends too much, then cuts them off, and nobody else", async () => {
    using healthy = await connectClient(server.url, "websocket");
    const port = Number(new URL(server.url).port);
    const flood = await RawWebSocket.open(port, "/socket.io/?EIO=4&transport=websocket");
    await flood.nextText("0");
    flood.send("40");
    await flood.nextText("40");
    const junk = `42${JSON.stringify(["subscribe_all", { junk: "x".repeat(8_000) }])}`;
    for (let n = 0; n < 100; n++) flood.send(junk);
    expect(await flood.nextText('42["subscription_error",{"event_type":"message","code":"rate_limited"')).toContain(
      "1024",
    );
    await flood.closed;
    await healthy.ask("subscribe_system_resources");
    await healthy.next("system_resources_update");
  });
});
