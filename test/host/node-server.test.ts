import { expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { copyFileSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { nodeProgram } from "../node-program.ts";
import { must } from "../rest.ts";
import { serverProcess } from "../server-process.ts";
import { connectClient } from "../socket-client.ts";
import { tempDir } from "../temp-dir.ts";

const checkout = resolve(import.meta.dir, "../..");

test("the build for Node serves from its own directory: page, reference, store and pushes over both transports", async () => {
  using built = tempDir();
  using alone = tempDir();
  execFileSync(process.execPath, [join(checkout, "scripts/build-node.ts"), built.path], { stdio: "pipe" });
  for (const name of readdirSync(built.path)) copyFileSync(join(built.path, name), join(alone.path, name));

  await using server = await serverProcess({ program: [nodeProgram, join(alone.path, "llm-manager.mjs")] });
  for (const path of ["/", "/docs", "/openapi.json", "/api/v1/resources"]) {
    expect([path, (await fetch(server.url + path)).status]).toEqual([path, 200]);
  }
  for (const transport of ["websocket", "polling"] as const) {
    using client = await connectClient(server.url, transport);
    expect(await client.ask("subscribe_all")).toMatchObject({ event_type: "all" });
    await client.next("system_resources_update");
    const { id } = await must(server.url, "POST", "/activities", { message: `over ${transport}` });
    await client.next("activity_stream", ({ data }) => data.id === id);
  }
  expect(await server.kill("SIGTERM")).toBe(0);
});
