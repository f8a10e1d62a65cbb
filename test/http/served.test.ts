import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { must } from "../rest.ts";
import { type ServerProcess, serverProcess } from "../server-process.ts";

const START_TIMEOUT_MS = 60_000;
const HEAD = "Host: localhost\r\nContent-Type: application/json\r\nConnection: close\r\n";
const CHUNKED = `POST /api/v1/activities HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\n\r\n`;

/** What runtimes make of requests differs; what the server answers must not. */
describe.each(["bun", "deno"] as const)("requests as %s hands them over", (runtime) => {
  let server: ServerProcess;

  beforeAll(async () => {
    server = await serverProcess({ runtime, env: { HTTP_MAX_BODY_BYTES: "2048" } });
  }, START_TIMEOUT_MS);
  afterAll(() => server[Symbol.asyncDispose]());

  async function open(): Promise<Socket> {
    const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
    await once(socket, "connect");
    return socket;
  }

  /** Sends `request` as it is, and returns the answer's status and body. */
  async function send(request: string): Promise<{ status: number; body: string }> {
    const socket = await open();
    socket.write(request);
    const [head = "", body = ""] = (await text(socket)).split("\r\n\r\n");
    return { status: Number(head.split(" ")[1]), body };
  }

  test("a body in chunks is read as any other", async () => {
    const { status, body } = await send(`${CHUNKED}${chunk('{"message":')}${chunk('"in two"}')}${chunk("")}`);
    expect([status, JSON.parse(body).message]).toEqual([201, "in two"]);
  });

  test("a body in chunks is bounded, and needs a type, as any other", async () => {
    const long = chunk(`{"message":"${"x".repeat(2_048)}"}`);
    expect((await send(`${CHUNKED}${long}${chunk("")}`)).status).toBe(413);
    const untyped = CHUNKED.replace(/Content-Type: .*\r\n/, "");
    expect((await send(`${untyped}${chunk('{"message":"m"}')}${chunk("")}`)).status).toBe(415);
  });

  test.each(["PUT", "PROPFIND", "PURGE"])("%s is not allowed", async (method) => {
    const answer = await send(`${method} /api/v1/models HTTP/1.1\r\n${HEAD}Content-Length: 2\r\n\r\n{}`);
    expect([answer.status, JSON.parse(answer.body).code]).toEqual([405, "method_not_allowed"]);
  });

  test("a client that goes away in the middle of its body is no fault of the server", async () => {
    for (const framing of ["Content-Length: 1000", "Transfer-Encoding: chunked"]) {
      const socket = await open();
      socket.write(`POST /api/v1/activities HTTP/1.1\r\n${HEAD}${framing}\r\n\r\n5\r\n{"mes`);
      // An answer on another connection: by then the server has seen the first one's beginning.
      await must(server.url, "GET", "/models");
      socket.destroy();
    }
    // The server counts a request once it is done with it.
    const counted = /^llm_manager_http_requests_total\{method="POST",route="\/api\/v1\/activities",status="400"\} 2$/m;
    for (;;) if (counted.test(await (await fetch(`${server.url}/metrics`)).text())) break;
    expect(server.output()).not.toContain("ERROR");
  });
});

function chunk(content: string): string {
  return `${content.length.toString(16)}\r\n${content}\r\n`;
}
