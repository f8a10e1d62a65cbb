import { expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { must } from "../rest.ts";
import { serverProcess } from "../server-process.ts";
import { tempDir } from "../temp-dir.ts";
import { runCli } from "./cli-process.ts";

setDefaultTimeout(60_000);

test("backup, check and restore, with the server running and without", async () => {
  using dir = tempDir();
  const data = join(dir.path, "data");
  const environment = { DATA_DIR: data };
  const [online, offline] = [join(dir.path, "online.sqlite"), join(dir.path, "offline.sqlite")];
  {
    await using server = await serverProcess({ dataDir: data });
    await must(server.url, "POST", "/models", { model_id: "llama", name: "Llama", model_source: "local" });

    const made = await runCli(["backup", online], { ...environment, LLM_MANAGER_URL: server.url });
    expect(made).toMatchObject({ code: 0, stderr: "" });
    expect(made.stdout).toMatch(
      /^Copied http:.* to .*online\.sqlite: .* MB, 1 model, 0 deployments, 1 activity, schema/,
    );
    expect(readdirSync(join(data, "backups"))).toEqual([]);

    const twice = await runCli(["backup", online, "--url", server.url]);
    expect(twice).toMatchObject({ code: 2, stderr: expect.stringContaining("overwrites nothing") });
    const refused = await runCli(["restore", online], environment);
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining("in use by another llm-manager") });
    await must(server.url, "DELETE", "/models/llama");
    await server.kill("SIGTERM");
  }
  expect(await runCli(["backup", offline], environment)).toMatchObject({
    code: 0,
    stdout: expect.stringContaining("0 models, 0 deployments, "),
  });
  const checked = await runCli(["backup", "--check", online, "--json"]);
  expect(JSON.parse(checked.stdout)).toMatchObject({ file: online, models: 1, activities: 1 });

  const restored = await runCli(["restore", online], environment);
  expect(restored).toMatchObject({ code: 0, stderr: "" });
  expect(restored.stdout).toContain("is kept as");
  await using server = await serverProcess({ dataDir: data });
  expect((await must(server.url, "GET", "/models")).items).toMatchObject([{ model_id: "llama" }]);
});

test("what cannot work is said in one line", async () => {
  using dir = tempDir();
  const bad = join(dir.path, "bad.sqlite");
  writeFileSync(bad, "hello");
  const fail = async (args: string[]) => {
    const { code, stdout, stderr } = await runCli(args, { DATA_DIR: join(dir.path, "none") });
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    return stderr;
  };
  expect(await fail(["backup", "--check", bad])).toMatch(/^error: .*bad.sqlite is not a whole database .*\n$/);
  expect(await fail(["restore", bad])).toMatch(/^error: .*bad.sqlite is not a whole database .*\n$/);
  expect(await fail(["restore", join(dir.path, "nothing")])).toMatch(/^error: .*nothing does not exist\.\n$/);
  expect(await fail(["backup", join(dir.path, "x"), "--data-dir", dir.path])).toMatch(
    /^error: There is no database in .*\n$/,
  );
  expect(await fail(["backup", join(dir.path, "x"), "--url", "http://127.0.0.1:9"])).toMatch(
    /^error: .*127\.0\.0\.1:9.*\n$/,
  );
});
