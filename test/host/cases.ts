import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectTcp } from "node:net";
import { connect } from "socket.io-client";
import { type Host, ListenError } from "../../src/host/host.ts";
import { getOverTls, tlsIdentity } from "../tls-identity.ts";
import { RawWebSocket } from "./raw-web-socket.ts";
import { handshake, statusOf, withHost } from "./running-host.ts";

const POLLING = "/socket.io/?EIO=4&transport=polling";
const WEBSOCKET = "/socket.io/?EIO=4&transport=websocket";
const KEY = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
const UPGRADE = "Connection: Upgrade\r\nUpgrade: websocket\r\n";

/** What every host promises; plain functions, so that they run on Bun, Deno and Node alike. */
export const cases: readonly { readonly name: string; readonly run: (host: Host) => Promise<void> }[] = [
  {
    name: "a socket knows its peer's address on every transport",
    run: (host) =>
      withHost(
        host,
        { onConnection: (socket) => socket.emit("address", socket.handshake.address) },
        async ({ url }) => {
          for (const transports of [["websocket"], ["polling"], ["polling", "websocket"]]) {
            const client = connect(url, { transports, forceNew: true, reconnection: false });
            const address = await new Promise((resolve) => client.once("address", resolve));
            client.close();
            assert.equal(address, "127.0.0.1", transports.join());
          }
        },
      ),
  },
  {
    name: "other requests reach fetch with the peer's address",
    run: (host) =>
      withHost(
        host,
        { fetch: (request, { address }) => new Response(`${new URL(request.url).pathname} ${address}`) },
        async ({ url }) => {
          assert.equal(await (await fetch(`${url}/api/v1?x=1`)).text(), "/api/v1 127.0.0.1");
        },
      ),
  },
  {
    name: "a handler that throws is reported once and answers 500 without a stack",
    run: (host) =>
      withHost(
        host,
        {
          fetch() {
            throw new Error("the cause");
          },
        },
        async ({ url, errors }) => {
          const response = await fetch(url);
          assert.equal(response.status, 500);
          assert.equal(await response.text(), "Internal server error\n");
          assert.equal(errors.length, 1);
        },
      ),
  },
  {
    name: "broken requests get a 4xx, reach no handler and are no fault",
    run: (host) =>
      withHost(host, { fetch: () => new Response("reached", { status: 299 }) }, async ({ port, url, errors }) => {
        const sid = await handshake(url);
        const broken: [status: number, request: string][] = [
          [400, "GET / HTTP/1.1\r\nHost: http://%%%/\r\n\r\n"],
          [400, "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"],
          [400, "GET / HTTP/1.1\r\nHost: user:secret@host\r\n\r\n"],
          [400, `GET ${POLLING} HTTP/1.1\r\nHost: http://%%%/\r\n\r\n`],
          [400, `GET ${POLLING} HTTP/1.1\r\nHost: h/../x?y#z\r\n\r\n`],
          [400, `GET ${WEBSOCKET} HTTP/1.1\r\nHost: h\r\n${UPGRADE}\r\n`],
          [400, `GET ${WEBSOCKET} HTTP/1.1\r\nHost: http://%%%/\r\n${UPGRADE}${KEY}\r\n`],
          [400, `GET ${WEBSOCKET}&sid=nobody HTTP/1.1\r\nHost: h\r\n${UPGRADE}${KEY}\r\n`],
          [
            400,
            `GET ${WEBSOCKET} HTTP/1.1\r\nHost: h\r\n${UPGRADE}Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x\r\n\r\n`,
          ],
          [400, `GET ${POLLING} HTTP/1.1\r\nHost: h\r\n${UPGRADE}${KEY}\r\n`],
          [400, `GET ${WEBSOCKET} HTTP/1.1\r\nHost: h\r\n\r\n`],
          [400, `GET ${WEBSOCKET}&sid=${sid} HTTP/1.1\r\nHost: h\r\n\r\n`],
          [400, "GET /socket.io/ HTTP/1.1\r\nHost: h\r\n\r\n"],
          [400, "GET /socket.io/?EIO=4&transport=carrier-pigeon HTTP/1.1\r\nHost: h\r\n\r\n"],
          [400, "GET /socket.io/?EIO=3&transport=polling HTTP/1.1\r\nHost: h\r\n\r\n"],
          [400, `GET ${POLLING}&sid=nobody HTTP/1.1\r\nHost: h\r\n\r\n`],
          [400, `POST ${POLLING} HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\n1`],
          [400, `PUT ${POLLING} HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n`],
          [400, `DELETE ${POLLING}&sid=${sid} HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n`],
        ];
        for (const [status, request] of broken) assert.equal(await statusOf(port, request), status, request);
        assert.deepEqual(errors, []);
        assert.equal((await fetch(url)).status, 299);
      }),
  },
  {
    name: "an absolute request target is served by the Host header that was checked",
    run: (host) =>
      withHost(
        host,
        { fetch: (request) => new Response("", { status: new URL(request.url).hostname === "h" ? 210 : 500 }) },
        async ({ port }) => {
          assert.equal(await statusOf(port, "GET http://elsewhere.example/x HTTP/1.1\r\nHost: h\r\n\r\n"), 210);
        },
      ),
  },
  {
    name: "a polling body over the limit gets 413 however it is framed",
    run: (host) =>
      withHost(host, {}, async ({ port, url, errors }) => {
        const head = async () => `POST ${POLLING}&sid=${await handshake(url)} HTTP/1.1\r\nHost: h\r\n`;
        const ok = `4${"x".repeat(9_999)}`;
        const long = `4${"x".repeat(10_000)}`;
        const sized = (body: string) => `Content-Length: ${body.length}\r\n\r\n${body}`;
        const chunked = (body: string) => {
          const chunks = body.match(/.{1,1000}/g) ?? [];
          const framed = chunks.map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`).join("");
          return `Transfer-Encoding: chunked\r\n\r\n${framed}0\r\n\r\n`;
        };
        assert.equal(await statusOf(port, (await head()) + sized(ok)), 200);
        assert.equal(await statusOf(port, (await head()) + chunked(ok)), 200);
        assert.equal(await statusOf(port, (await head()) + sized(long)), 413);
        assert.equal(await statusOf(port, (await head()) + chunked(long)), 413);
        assert.deepEqual(errors, []);
      }),
  },
  {
    name: "a second WebSocket for an upgraded session is closed and the first goes on",
    run: (host) =>
      withHost(
        host,
        { onConnection: (socket) => socket.on("echo", (text) => socket.emit("echo", text)) },
        async (running) => {
          const sid = await handshake(running.url);
          const first = await RawWebSocket.open(running.port, `${WEBSOCKET}&sid=${sid}`);
          first.send("2probe");
          await first.nextText("3probe");
          const early = await RawWebSocket.open(running.port, `${WEBSOCKET}&sid=${sid}`);
          assert.equal(await early.next(), undefined, "while the upgrade goes on");
          first.send("5");
          first.send("40");
          await first.nextText("40");
          const late = await RawWebSocket.open(running.port, `${WEBSOCKET}&sid=${sid}`);
          late.send("5");
          assert.equal(await late.next(), undefined, "after the upgrade");
          first.send('42["echo","still here"]');
          assert.equal(await first.nextText("42"), '42["echo","still here"]');
          for (const client of [first, early, late]) client.destroy();
        },
      ),
  },
  {
    name: "a connection that never joins a namespace is cut",
    run: (host) =>
      withHost(host, { connectTimeout: 50 }, async ({ port, url }) => {
        const client = await RawWebSocket.open(port, WEBSOCKET);
        await client.nextText("0");
        assert.equal(await client.next(), undefined);
        const sid = await handshake(url);
        const poll = await fetch(`${url}${POLLING}&sid=${sid}`);
        assert.equal(await poll.text(), "1");
        assert.equal((await fetch(`${url}${POLLING}&sid=${sid}`)).status, 400);
        client.destroy();
      }),
  },
  {
    name: "admit is asked before every engine request, and its answer is the answer",
    run: async (host) => {
      const asked: string[] = [];
      let open = true;
      const admit = (headers: Headers, { address }: { address: string }) => {
        asked.push(`${headers.get("x-test")} ${address}`);
        return open ? undefined : new Response("no", { status: 403 });
      };
      await withHost(host, { admit }, async ({ port, url }) => {
        const sid = await handshake(url);
        open = false;
        const common = "Host: h\r\nX-Test: 1\r\n";
        assert.equal(await statusOf(port, `GET ${POLLING} HTTP/1.1\r\n${common}\r\n`), 403);
        assert.equal(await statusOf(port, `GET ${POLLING}&sid=${sid} HTTP/1.1\r\n${common}\r\n`), 403);
        assert.equal(
          await statusOf(port, `POST ${POLLING}&sid=${sid} HTTP/1.1\r\n${common}Content-Length: 1\r\n\r\n1`),
          403,
        );
        assert.equal(await statusOf(port, `GET ${WEBSOCKET} HTTP/1.1\r\n${common}${UPGRADE}${KEY}\r\n`), 403);
        assert.deepEqual(asked, ["null 127.0.0.1", ...Array<string>(4).fill("1 127.0.0.1")]);
        assert.equal((await fetch(url)).status, 200);
      });
    },
  },
  {
    name: "only an allowed origin may poll from a page, without credentials",
    run: (host) =>
      withHost(host, { socket: { corsOrigins: ["https://good.example"] } }, async ({ url }) => {
        const poll = async (origin: string, method: string) => {
          const { headers, status } = await fetch(url + POLLING, { method, headers: { origin } });
          return [status, headers.get("access-control-allow-origin"), headers.get("access-control-allow-credentials")];
        };
        assert.deepEqual(await poll("https://good.example", "GET"), [200, "https://good.example", null]);
        assert.deepEqual(await poll("https://good.example.evil.example", "GET"), [200, null, null]);
        assert.deepEqual(await poll("https://good.example", "OPTIONS"), [204, "https://good.example", null]);
        assert.deepEqual(await poll("https://evil.example", "OPTIONS"), [204, null, null]);
        assert.deepEqual(await poll("https://good.example", "PUT"), [400, "https://good.example", null]);
      }),
  },
  {
    name: "compression, when it is on, compresses what is sent and what is broadcast",
    run: async (host) => {
      const text = "all work and no play ".repeat(200);
      for (const compression of [true, false]) {
        const onConnection = (socket: import("socket.io").Socket) => {
          void socket.join("room");
          socket.emit("direct", text);
        };
        await withHost(host, { socket: { compression }, onConnection }, async ({ port, io }) => {
          const client = await RawWebSocket.open(port, WEBSOCKET, { deflate: true });
          // The session is open; what says so may be compressed.
          await client.next();
          client.send("40");
          const big = async () => {
            for (;;) {
              const frame = await client.next();
              assert.ok(frame);
              if (frame.compressed || frame.payload.length > 1_000) return frame;
            }
          };
          const direct = await big();
          io.to("room").emit("broadcast", text);
          const broadcast = await big();
          for (const frame of [direct, broadcast]) {
            assert.equal(frame.compressed, compression);
            assert.equal(frame.payload.length < 1_000, compression);
          }
          client.destroy();
        });
      }
    },
  },
  {
    name: "with TLS it shows a renewed certificate to new connections, and reaches those before it too",
    async run(host) {
      const [first, second] = [tlsIdentity("first"), tlsIdentity("second")];
      await withHost(host, { tls: first }, async ({ port, url, io, listening, errors }) => {
        const old = await RawWebSocket.open(port, WEBSOCKET, { ca: first.cert });
        await old.nextText("0");
        old.send("40");
        await old.nextText("40");
        assert.equal((await getOverTls(port, first.cert)).text, "not Socket.IO");
        await assert.rejects(getOverTls(port, second.cert));
        assert.ok([0, 400].includes(await statusOf(port, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")), "plain HTTP");

        listening.renew(second);
        assert.equal((await getOverTls(port, second.cert)).text, "not Socket.IO");
        await assert.rejects(getOverTls(port, first.cert));
        const late = await RawWebSocket.open(port, WEBSOCKET, { ca: second.cert });
        await late.nextText("0");
        late.send("40");
        await late.nextText("40");
        for (const socket of io.of("/").sockets.values()) await socket.join("room");
        io.to("room").emit("news", url);
        for (const client of [old, late]) assert.equal(await client.nextText("42"), `42["news","${url}"]`);
        await assert.rejects(
          withHost(host, { port, tls: first }, async () => {}),
          ListenError,
        );
        for (const client of [old, late]) client.destroy();
        assert.deepEqual(errors, []);
      });
    },
  },
  {
    name: "an address that cannot be listened on is named with what to do",
    run: async (host) => {
      await withHost(host, {}, async ({ port }) => {
        await assert.rejects(
          withHost(host, { port }, async () => {}),
          (error) =>
            error instanceof ListenError &&
            error.message.startsWith(`Cannot listen on 127.0.0.1:${port}: the port is in use.`),
        );
      });
      // An address of the documentation range, which no machine has.
      await assert.rejects(
        withHost(host, { hostname: "192.0.2.1", port: 5_000 }, async () => {}),
        (error) =>
          error instanceof ListenError &&
          error.message.startsWith("Cannot listen on 192.0.2.1:5000: it is not an address of this machine."),
      );
    },
  },
  {
    name: "closing refuses new connections and lets an open request end",
    run: async (host) => {
      const arrived = Promise.withResolvers<void>();
      const answer = Promise.withResolvers<void>();
      const slow = async () => {
        arrived.resolve();
        await answer.promise;
        return new Response("late");
      };
      await withHost(host, { fetch: slow }, async ({ url, port, listening }) => {
        const response = fetch(url);
        await arrived.promise;
        const closing = listening.close(60_000);
        assert.equal(await statusOf(port, "GET / HTTP/1.1\r\nHost: h\r\n\r\n"), 0);
        answer.resolve();
        assert.equal(await (await response).text(), "late");
        await closing;
      });
    },
  },
  {
    name: "closing cuts what is still open at the deadline",
    run: (host) =>
      withHost(host, {}, async ({ port, listening }) => {
        const webSocket = await RawWebSocket.open(port, WEBSOCKET);
        const idle = connectTcp(port, "127.0.0.1");
        await once(idle, "connect");
        await listening.close(50);
        await webSocket.closed;
        idle.destroy();
      }),
  },
];
