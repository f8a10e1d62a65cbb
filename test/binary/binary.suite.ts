import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import manifest from "../../package.json" with { type: "json" };
import { must, send } from "../rest.ts";
import { connectClient } from "../socket-client.ts";
import { type BareSystem, bareSystem } from "./bare-system.ts";

setDefaultTimeout(60_000);

const checkout = resolve(import.meta.dir, "../..");
let system: BareSystem;

beforeAll(() => {
  const build = spawnSync(process.execPath, ["run", "build"], { cwd: checkout, encoding: "utf8" });
  if (build.status !== 0) throw new Error(`bun run build failed:\n${build.stdout}${build.stderr}`);
  const addon = join(checkout, `node_modules/better-sqlite3/prebuilds/linux-${process.arch}.node`);
  system = bareSystem(join(checkout, "dist/llm-manager"), addon);
});
afterAll(() => system[Symbol.dispose]());

test("the binary's system holds nothing of the checkout", () => {
  const names = readdirSync(system.root).filter((name) => !name.startsWith("lib"));
  expect(names.sort()).toEqual(["data", "dev", "llm-manager", "proc", "srv", "tmp"]);
  expect(existsSync(join(system.root, checkout))).toBe(false);
});

test("it says which version it is", () => {
  expect(system.run("--version")).toEqual({ output: `${manifest.version}\n`, exitCode: 0 });
});

test.each(["/", "/docs"])("it serves %s with everything that asks for", async (path) => {
  await using server = await system.serve();
  const page = await fetch(server.url + path);
  expect([page.status, page.headers.get("content-type")]).toEqual([200, expect.stringContaining("text/html")]);
  const paths = [...(await page.text()).matchAll(/(?:src|href)="(\/[^"]+)"/g)].flatMap(([, found]) => found ?? []);
  expect(paths.some((found) => found.includes(".js"))).toBe(true);
  for (const found of paths) {
    const part = await fetch(server.url + found);
    expect([found, part.status, (await part.bytes()).length > 0]).toEqual([found, 200, true]);
  }
});

test.each(["/openapi.json", "/asyncapi.json"])("it serves %s", async (path) => {
  await using server = await system.serve();
  const document: unknown = await (await fetch(server.url + path)).json();
  expect(document).toMatchObject({ info: { version: manifest.version } });
});

test.each(["websocket", "polling"] as const)("a write arrives at a client over %s", async (transport) => {
  await using server = await system.serve();
  using client = await connectClient(server.url, transport);
  await client.ask("subscribe_activity_stream");
  const message = `written for ${transport}`;
  await must(server.url, "POST", "/activities", { activity_type: "user_operation", severity: "info", message });
  const event = await client.next("activity_stream", (payload) => payload.data.message === message);
  expect(event.data.id).toMatch(/^act-\d+$/);
});

test("it makes its database, keeps it over a restart and ends with 0 on SIGTERM", async () => {
  const model = { model_id: "kept", name: "Kept", model_source: "local" };
  {
    await using server = await system.serve();
    await must(server.url, "POST", "/models", model);
    expect(await server.stop()).toBe(0);
  }
  await using server = await system.serve();
  expect((await send(server.url, "GET", "/models/kept")).body).toMatchObject(model);
});

test("it samples the machine from there", async () => {
  await using server = await system.serve();
  const { data } = await must(server.url, "GET", "/resources");
  expect(data.memory.total_gb).toBeGreaterThan(0);
  expect(data.cpu.usage_percent).not.toBeNull();
});

test("its start is measured", async () => {
  const starts: number[] = [];
  for (let start = 0; start < 5; start++) {
    await using server = await system.serve();
    starts.push(server.startedMs);
    expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
  }
  starts.sort((a, b) => a - b);
  // A figure, not a limit: how long it takes is the machine's business as well.
  console.log(`ready after ${starts.map((ms) => ms.toFixed(0)).join(", ")} ms`);
});
