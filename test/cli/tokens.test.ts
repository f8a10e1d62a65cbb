import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { serverProcess } from "../server-process.ts";
import { tempDir } from "../temp-dir.ts";
import { runCli } from "./cli-process.ts";

setDefaultTimeout(60_000);

const AUTH_TOKEN = "a-token-of-20-letters";

describe("token commands", () => {
  test("work against a server, through its API, with what the caller may do", async () => {
    await using server = await serverProcess({ env: { AUTH_TOKEN } });
    const as = (token: string) => ({ LLM_MANAGER_URL: server.url, LLM_MANAGER_TOKEN: token });
    const made = await runCli(["token", "create", "ci", "--role", "viewer", "--expires", "12h"], as(AUTH_TOKEN));
    expect(made.stdout).toMatch(/^llmm_[\w-]{43}\n$/);
    expect(made.stderr).toMatch(/^This is tok-1 \(viewer\), good until 20.*Z\. It is shown only now\.\n$/);
    const secret = made.stdout.trim();
    expect((await runCli(["models", "list"], as(secret))).code).toBe(0);
    expect(await runCli(["token", "list"], as(secret))).toMatchObject({
      code: 1,
      stderr: 'error: This needs the scope admin, which the token "ci" (viewer) does not have.\n',
    });
    const listed = await runCli(["token", "list"], as(AUTH_TOKEN));
    expect(listed.stdout).toMatch(/^TOKEN +NAME +MAY +STATE +CREATED +USED +EXPIRES\ntok-1 +ci +viewer +active /);
    expect(listed.stdout).not.toContain(secret.slice(5));
    const revoked = await runCli(["token", "revoke", "tok-1"], as(AUTH_TOKEN));
    expect(revoked.stdout).toBe("Revoked tok-1 (ci).\n");
    expect((await runCli(["models", "list"], as(secret))).code).toBe(1);
  });

  test("work on a data directory that no server uses, so that nobody is locked out", async () => {
    using dir = tempDir();
    const here = ["--data-dir", dir.path];
    const { stdout, code } = await runCli(["token", "create", "anna", "--role", "admin", ...here]);
    expect(code).toBe(0);
    const scoped = ["token", "create", "bot", "--scope", "read:alerts", "--scope", "write:alerts", "--json"];
    expect(JSON.parse((await runCli([...scoped, ...here])).stdout)).toMatchObject({
      token_id: "tok-2",
      role: null,
      scopes: ["read:alerts", "write:alerts"],
    });
    await using server = await serverProcess({ dataDir: dir.path, env: { HOST: "0.0.0.0" } });
    // There is somebody who can administer, so none is made up at the start.
    expect(server.output()).not.toContain("llmm_");
    const environment = { LLM_MANAGER_URL: server.url, LLM_MANAGER_TOKEN: stdout.trim() };
    const history = await runCli(["activities", "list", "--resource-type", "token", "--json"], environment);
    expect(JSON.parse(history.stdout).items[0].extra_data.actor).toMatchObject({ kind: "console", address: null });
    const taken = await runCli(["token", "list", ...here]);
    expect(taken).toMatchObject({ code: 1, stderr: expect.stringContaining("is in use by another llm-manager") });
  });

  test("leave the data directory alone when a server was named, and does not answer", async () => {
    using dir = tempDir();
    await runCli(["token", "create", "anna", "--role", "admin", "--data-dir", dir.path]);
    const { stdout, stderr, code } = await runCli(["token", "list", "--url", "http://127.0.0.1:1"], {
      DATA_DIR: dir.path,
    });
    expect({ stdout, code }).toEqual({ stdout: "", code: 1 });
    expect(stderr).toContain("cannot reach http://127.0.0.1:1");
  });

  test.each([
    [["create", "x"], "give --role, or --scope, and not both"],
    [["create", "x", "--role", "viewer", "--scope", "admin"], "give --role, or --scope, and not both"],
    [["create", "x", "--role", "root"], "Allowed choices are viewer, operator, admin"],
    [["create", "x", "--scope", "read:all"], "Allowed choices are read:resources"],
    [["create", "x", "--role", "viewer", "--expires", "soon"], "It must look like 45s, 30m, 12h or 90d"],
    [["list", "--url", "http://127.0.0.1:1", "--data-dir", "x"], "give --url or --data-dir, not both"],
    [["list", "--data-dir", "/nowhere/at/all"], "there is no llm-manager database in /nowhere/at/all"],
  ])("token %j is refused in one line", async (args, message) => {
    const { code, stdout, stderr } = await runCli(["token", ...args]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(message);
    expect(stderr.trim().split("\n").length).toBeLessThanOrEqual(2);
  });

  test("what the server would refuse is refused on a data directory, too", async () => {
    using dir = tempDir();
    const name = "x".repeat(65);
    const refused = await runCli(["token", "create", name, "--role", "admin", "--data-dir", dir.path]);
    expect(refused).toMatchObject({
      code: 1,
      stderr: "error: The token cannot be made like this: name must be at most 64 characters.\n",
    });
    expect(await runCli(["token", "revoke", "tok-5", "--data-dir", dir.path])).toMatchObject({
      code: 1,
      stderr: "error: There is no token tok-5.\n",
    });
  });
});
