import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { createServer } from "node:net";
import { resolve } from "node:path";
import { connectClient } from "../socket-client.ts";
import { buildImage, importBaseImage } from "./base-image.ts";
import { type Engine, startEngine } from "./engine.ts";

// Debian is unpacked and an image is built in here.
setDefaultTimeout(300_000);

const IMAGE = "llm-manager";
const TOKEN = "a-token-of-the-test";
const checkout = resolve(import.meta.dir, "../..");

let engine: Engine;

beforeAll(async () => {
  engine = await startEngine();
  importBaseImage(engine, "base");
  buildImage(engine, checkout, "base", IMAGE);
});
afterAll(async () => {
  await engine?.[Symbol.asyncDispose]();
});

/** A container on this machine's network, since the engine has no bridge. */
interface Container {
  readonly id: string;
  readonly url: string;
  call(method: string, path: string, body?: unknown): Promise<{ readonly status: number; readonly body: unknown }>;
}

async function start(options: readonly string[] = [], token = TOKEN): Promise<Container> {
  const port = await freePort();
  const settings = ["--env", `PORT=${port}`, ...(token ? ["--env", `AUTH_TOKEN=${token}`] : [])];
  const id = engine.docker("run", "--detach", "--network=host", ...settings, ...options, IMAGE);
  await engine.follow(/Listening on/, "logs", "--follow", id);
  const url = `http://127.0.0.1:${port}`;
  return {
    id,
    url,
    async call(method, path, body) {
      const response = await fetch(`${url}/api/v1${path}`, {
        method,
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      return { status: response.status, body: await response.json() };
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("there is no port");
  return address.port;
}

test("the image holds the binary, its libraries and nothing to run but them", () => {
  const id = engine.docker("create", IMAGE);
  // What a container engine itself puts into every container.
  const engines = [/^\.dockerenv$/, /^dev\/console$/, /^etc\/(hostname|hosts|mtab|resolv\.conf)$/];
  const files = engine.filesIn(id).filter((file) => !engines.some((pattern) => pattern.test(file)));
  const libraries = files.filter((file) => /^(usr\/)?lib(64)?\/.*\.so(\.\d+)*$/.test(file));
  expect(libraries.length).toBeGreaterThan(0);
  expect(files.filter((file) => !libraries.includes(file)).sort()).toEqual(["etc/group", "etc/passwd", "llm-manager"]);
});

test("it becomes healthy, and a check of a port where nothing listens fails", async () => {
  const { id } = await start();
  expect(engine.docker("exec", id, "/llm-manager", "health")).toBe("ok");
  expect(engine.exitCode("exec", "--env", "PORT=1", id, "/llm-manager", "health")).toBe(1);
  await engine.follow(/health_status: healthy/, "events", "--since", "0", "--filter", `container=${id}`);
});

test("it does not run as root", async () => {
  const { id } = await start();
  expect(engine.docker("top", id, "-eo", "pid,uid,args").split("\n").slice(1)).toEqual([
    expect.stringMatching(/^\s*\d+\s+10001\s+\/llm-manager serve$/),
  ]);
});

test.each(["websocket", "polling"] as const)("a write arrives at a client over %s", async (transport) => {
  const container = await start();
  using client = await connectClient(container.url, transport, { auth: { token: TOKEN } });
  await client.ask("subscribe_activity_stream");
  expect(await container.call("POST", "/activities", { message: "written" })).toMatchObject({ status: 201 });
  await client.next("activity_stream", ({ data }) => data.message === "written");
});

test("without a token it makes one, says it once and lets nobody in without it", async () => {
  const container = await start([], "");
  const { status } = await container.call("GET", "/models");
  expect(status).toBe(401);
  const [, token] = /shown only now: (\S+)/.exec(engine.docker("logs", container.id)) ?? [];
  const response = await fetch(`${container.url}/api/v1/models`, { headers: { authorization: `Bearer ${token}` } });
  expect(response.status).toBe(200);
});

test("SIGTERM ends it with 0, and its volume keeps what was written", async () => {
  const volume = ["--volume", "llm-data:/data"];
  const model = { model_id: "kept", name: "Kept", model_source: "local" };
  const first = await start(volume);
  expect(await first.call("POST", "/models", model)).toMatchObject({ status: 201 });
  engine.docker("stop", "--time", "20", first.id);
  expect(engine.docker("inspect", "--format", "{{.State.ExitCode}}", first.id)).toBe("0");
  const second = await start(volume);
  expect(await second.call("GET", "/models/kept")).toMatchObject({ status: 200, body: model });
});

test("it runs on a root that cannot be written, without any capability", async () => {
  const options = ["--read-only", "--tmpfs", "/tmp:exec", "--cap-drop=ALL", "--security-opt=no-new-privileges"];
  const container = await start(options);
  expect(await container.call("POST", "/activities", { message: "written" })).toMatchObject({ status: 201 });
});
