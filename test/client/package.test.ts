import { afterAll, beforeAll, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import manifest from "../../package.json" with { type: "json" };
import { StreamServer } from "./stream-server.ts";

const root = join(import.meta.dirname, "../..");
const TIMEOUT_MS = 60_000;

let out = "";

function run(...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: "utf8" });
  if (status !== 0) throw new Error(`${args.join(" ")} ended with ${status}:\n${stdout}${stderr}`);
  return stdout;
}

beforeAll(() => {
  // Inside the checkout, so that socket.io-client is found from there as it is from where a package is installed.
  mkdirSync(join(root, "dist"), { recursive: true });
  out = mkdtempSync(join(root, "dist", "client-test-"));
  run("scripts/build-client.ts", out);
}, TIMEOUT_MS);

afterAll(() => rmSync(out, { recursive: true, force: true }));

test("the published file needs socket.io-client and nothing else", () => {
  const { imports } = new Bun.Transpiler({ loader: "js" }).scan(readFileSync(join(out, "index.js"), "utf8"));
  expect(imports.map(({ path }) => path)).toEqual(["socket.io-client"]);
});

test("the published file connects and hands on events", async () => {
  await using server = await new StreamServer().listen();
  const { connect } = await import(join(out, "index.js"));
  using client = connect(server.url);
  const event = new Promise((resolve) => client.on("activity_stream", resolve));
  await client.subscribe("activity_stream");
  server.write();
  expect(await event).toMatchObject({ seq: 1 });
});

test(
  "the published types are the contract's, for a strict consumer",
  () => {
    const entry = manifest.exports["./client"].types.replace("./dist/client/", "");
    const options = { module: "nodenext", target: "esnext", strict: true, noEmit: true, skipLibCheck: true, types: [] };
    const paths = { "llm-manager/client": [`./${entry}`] };
    const project = { compilerOptions: { ...options, lib: ["esnext", "dom"], paths }, files: ["consumer.mts"] };
    writeFileSync(join(out, "tsconfig.json"), JSON.stringify(project));
    writeFileSync(
      join(out, "consumer.mts"),
      `import { connect, createApi } from "llm-manager/client";
      const client = connect("http://127.0.0.1:5000");
      client.on("activity_stream", ({ data }) => {
        const message: string = data.message;
        // @ts-expect-error a message is no number
        const wrong: number = data.message;
      });
      // @ts-expect-error there is no such stream
      void client.subscribe("weather");
      // @ts-expect-error a state cannot be replayed
      void client.subscribe("model_status", { after: 1 });
      const { items } = await createApi("http://127.0.0.1:5000").models.list({ limit: 1 });
      const id: string | undefined = items[0]?.model_id;
      // @ts-expect-error a model needs a source
      void createApi("").models.create({ model_id: "m", name: "m" });
      `,
    );
    run("node_modules/typescript-7/bin/tsc", "--project", join(out, "tsconfig.json"));
  },
  TIMEOUT_MS,
);
