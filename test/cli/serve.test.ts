import { describe, expect, test } from "bun:test";
import { once } from "node:events";
import { readdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import manifest from "../../package.json" with { type: "json" };
import { tempDir } from "../temp-dir.ts";
import { linesOf, runCli, startCli } from "./cli-process.ts";

/** Starts a server that says on its first line of output where it is. */
async function startServe(dataDir: string, args: readonly string[] = [], preload?: string) {
  const child = startCli(["--port", "0", "--data-dir", dataDir, "--json", ...args], { ALERTS: "off" }, preload);
  let log = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    log += text;
  });
  const first = await linesOf(child.stdout).next();
  if (first.done) throw new Error(`it did not start:\n${log}`);
  const ready: unknown = JSON.parse(first.value);
  return {
    child,
    ready: ready as { url: string; generated_token?: string },
    log: () => log,
    async stop(signal: NodeJS.Signals = "SIGTERM") {
      const exited = once(child, "exit");
      child.kill(signal);
      const [code] = await exited;
      return code;
    },
  };
}

describe("serve", () => {
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    test(`says where it is, answers, and ends in order on ${signal}`, async () => {
      using dir = tempDir();
      const server = await startServe(dir.path);
      const { url } = server.ready;
      expect(server.ready).toEqual({
        version: manifest.version,
        url,
        port: Number(new URL(url).port),
        data_dir: dir.path,
      } as never);
      const { code, stdout } = await runCli(["status", "--json", "--url", url]);
      expect(code).toBe(0);
      expect(JSON.parse(stdout)).toMatchObject({
        url,
        status: "ok",
        version: manifest.version,
        deployments: { total: 0, running: 0, failed: 0 },
        resources: { cpu: { cores: expect.any(Number) } },
      });
      expect(await server.stop(signal)).toBe(0);
      const lines = server.log().trimEnd().split("\n");
      expect(lines.map((line) => JSON.parse(line).message).at(-1)).toBe("Stopped");
    });
  }

  test("ends at once, and not in order, when it is told twice", async () => {
    using dir = tempDir();
    const server = await startServe(dir.path);
    const exited = once(server.child, "exit");
    server.child.kill("SIGTERM");
    server.child.kill("SIGINT");
    const [code] = await exited;
    expect(code).toBe(1);
  });

  test("shows a token that it made on standard output once, and never in its log", async () => {
    using dir = tempDir();
    const server = await startServe(dir.path, ["--host", "0.0.0.0"]);
    const token = server.ready.generated_token ?? "";
    expect(token.length).toBeGreaterThanOrEqual(16);
    const port = new URL(server.ready.url).port;
    const url = `http://127.0.0.1:${port}`;
    expect((await runCli(["models", "list", "--url", url])).code).toBe(1);
    expect((await runCli(["models", "list", "--url", url], { LLM_MANAGER_TOKEN: token })).code).toBe(0);
    const watching = await runCli(["watch", "--url", url, "--token", "wrong"]);
    expect(watching.stderr).toBe("error: the server wants a valid token; pass it with --token or LLM_MANAGER_TOKEN\n");
    expect(watching.code).toBe(1);
    await server.stop();
    expect(server.log()).not.toContain(token);
    const again = await startServe(dir.path, ["--host", "0.0.0.0"]);
    expect(again.ready.generated_token).toBeUndefined();
    await again.stop();
  });

  test("logs a rejection that nobody handled and goes on; ends in order on an exception that nobody caught", async () => {
    using dir = tempDir();
    const faults = join(dir.path, "faults.ts");
    writeFileSync(
      faults,
      `process.stdin.on("data", (word) => {
        if (String(word) === "reject") Promise.reject(new Error("a lost task"));
        else setTimeout(() => { throw new Error("a broken invariant"); });
      });`,
    );
    const server = await startServe(join(dir.path, "data"), [], faults);
    const lines = () =>
      server
        .log()
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line));
    server.child.stdin.write("reject");
    while (!server.log().includes("a lost task")) await once(server.child.stderr, "data");
    expect(lines().at(-1)).toMatchObject({
      level: "ERROR",
      message: "Bug: a rejected promise was not handled: a lost task",
      properties: { error: { stack: expect.stringContaining("faults.ts") } },
    });
    expect((await runCli(["status", "--url", server.ready.url])).code).toBe(0);

    const exited = once(server.child, "exit");
    server.child.stdin.write("throw");
    const [code] = await exited;
    expect(code).toBe(1);
    expect(lines().map(({ message }) => message)).toEqual([
      expect.stringContaining("Listening on"),
      expect.stringContaining("a lost task"),
      "Bug: an exception was not caught: a broken invariant",
      "Stopping: an exception was not caught",
      "Stopped",
    ]);
  });

  test("names a port that is in use", async () => {
    using dir = tempDir();
    const taken = createServer();
    taken.listen(0, "127.0.0.1");
    await once(taken, "listening");
    const address = taken.address();
    const port = address !== null && typeof address === "object" ? address.port : 0;
    const { code, stdout, stderr } = await runCli(["--port", String(port), "--data-dir", dir.path]);
    taken.close();
    expect(stderr).toContain(String(port));
    expect(stderr).toMatch(/^error: [^\n]+\n$/);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
  });

  test("names a data directory that another server uses, or that is none", async () => {
    using dir = tempDir();
    const server = await startServe(dir.path);
    const second = await runCli(["--port", "0", "--data-dir", dir.path]);
    expect(second.stderr).toContain(dir.path);
    expect(second.stderr).toMatch(/^error: [^\n]+\n$/);
    expect(second.code).toBe(1);
    await server.stop();
    const file = join(dir.path, "file");
    writeFileSync(file, "");
    const none = await runCli(["--port", "0", "--data-dir", file]);
    expect(none.stderr).toContain(file);
    expect(none.stderr).toMatch(/^error: [^\n]+\n$/);
    expect(none.code).toBe(1);
  });

  test("reads a file of settings", async () => {
    using dir = tempDir();
    const file = join(dir.path, "settings.toml");
    writeFileSync(file, `port = 0\ndata_dir = ${JSON.stringify(join(dir.path, "data"))}\nalerts = "off"\n`);
    const child = startCli(["--config", file, "--json"]);
    const ready = JSON.parse(String((await linesOf(child.stdout).next()).value));
    expect(ready.data_dir).toBe(join(dir.path, "data"));
    const exited = once(child, "exit");
    child.kill();
    await exited;
    expect(readdirSync(join(dir.path, "data"))).toContain("llm-manager.sqlite");
  });
});
