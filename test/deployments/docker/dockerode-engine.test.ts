import { describe, expect, test } from "bun:test";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { join } from "node:path";
import { EngineError } from "../../../src/deployments/drivers/docker/container-engine.ts";
import { dockerodeEngine } from "../../../src/deployments/drivers/docker/dockerode-engine.ts";
import { tempDir } from "../../temp-dir.ts";

const SOON = { answer: 300, look: 300, stopExtra: 300 };

/** What listens at an Engine's socket and answers as `handle` says. */
async function engineThat(handle: (request: IncomingMessage, response: ServerResponse) => void) {
  const dir = tempDir();
  const path = join(dir.path, "engine.sock");
  const server = createServer(handle).listen(path);
  await once(server, "listening");
  return {
    engine: dockerodeEngine(path, SOON),
    [Symbol.dispose]() {
      server.closeAllConnections();
      server.close();
      dir[Symbol.dispose]();
    },
  };
}

/** The kind of what a call rejects with. */
async function failureOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
  } catch (error) {
    if (error instanceof EngineError) return `${error.kind}: ${error.message}`;
    throw error;
  }
  return "none";
}

const json = (response: ServerResponse, status: number, body: unknown) =>
  void response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));

describe("every call comes to an end", () => {
  test("when there is no Engine", async () => {
    expect(await failureOf(dockerodeEngine("/nowhere/docker.sock").ping())).toStartWith("unreachable: ");
  });

  test("when it accepts and says nothing", async () => {
    using it = await engineThat(() => {});
    expect(await failureOf(it.engine.ping())).toBe("unreachable: no answer in 0.3 s");
    expect(await failureOf(it.engine.list({}))).toBe("unreachable: no answer in 0.3 s");
    expect(await failureOf(it.engine.start("a"))).toBe("unreachable: no answer in 0.3 s");
  });

  test("when it dies in the middle of an answer", async () => {
    using it = await engineThat((_, response) => {
      response.writeHead(200, { "content-type": "application/json" });
      response.write('{"Id":');
      setTimeout(() => response.destroy(), 20);
    });
    expect(await failureOf(it.engine.inspect("a"))).toStartWith("unreachable: ");
    expect(await failureOf(it.engine.memory("a"))).toStartWith("unreachable: ");
  });

  test("when it dies while it is followed", async () => {
    using it = await engineThat((_, response) => {
      response.writeHead(200);
      response.write("\n");
      setTimeout(() => response.destroy(), 20);
    });
    const { signal } = new AbortController();
    const { ended } = await it.engine.events({}, () => {}, signal);
    await ended;
    const read = async () => {
      for await (const _ of it.engine.logs("a", "0.000", signal));
    };
    expect(await failureOf(read())).toStartWith("unreachable: ");
    expect(await failureOf(it.engine.pull("a", () => {}, signal))).toStartWith("unreachable: ");
  });
});

describe("what the Engine says", () => {
  test.each([
    [404, "missing"],
    [409, "conflict"],
    [400, "refused"],
    [500, "refused"],
  ])("with %d is %s, in its own words", async (status, kind) => {
    using it = await engineThat((_, response) => json(response, status, { message: "so it is" }));
    expect(await failureOf(it.engine.create("name", {}))).toBe(`${kind}: so it is`);
    expect(await failureOf(it.engine.pull("a", () => {}, new AbortController().signal))).toBe(`${kind}: so it is`);
  });

  test("of what is done or gone already is no error", async () => {
    using it = await engineThat((request, response) =>
      request.method === "DELETE" ? json(response, 404, { message: "gone" }) : void response.writeHead(304).end(),
    );
    await it.engine.start("a");
    await it.engine.stop("a", 0);
    await it.engine.remove("a");
  });

  test("after a pull has begun is why it failed", async () => {
    using it = await engineThat((_, response) => {
      response.writeHead(200).end('{"status":"Pulling"}\r\n{"error":"manifest unknown"}\r\n');
    });
    const messages: unknown[] = [];
    const pull = it.engine.pull("a", (message) => messages.push(message), new AbortController().signal);
    expect(await failureOf(pull)).toBe("refused: manifest unknown");
    expect(messages).toEqual([{ status: "Pulling" }]);
  });

  test("about limits it can't keep is handed on, and secrets are in no URL", async () => {
    const urls: string[] = [];
    using it = await engineThat((request, response) => {
      urls.push(request.url ?? "");
      json(response, 201, { Id: "c1", Warnings: ["No swap limit support"] });
    });
    expect(await it.engine.create("name", { Env: ["HF_TOKEN=hf_secret"] })).toEqual({
      ...{ id: "c1", warnings: ["No swap limit support"] },
    });
    expect(urls).toEqual(["/containers/create?name=name"]);
  });
});
