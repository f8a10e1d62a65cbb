import { expect, setDefaultTimeout, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { ENGINE, eventually, freePort, processesOf } from "../deployments/process/rig.ts";
import { must, send } from "../rest.ts";
import { serverProcess } from "../server-process.ts";
import type { Payload } from "../socket-client.ts";
import { tempDir } from "../temp-dir.ts";

setDefaultTimeout(120_000);

/** A real server whose recipe `fake` has these flags, and `absent` a program that is not there. */
async function setup(flags: readonly string[] = []) {
  const dir = tempDir();
  const config = join(dir.path, "llm-manager.toml");
  const table = (name: string, command: readonly string[]) =>
    `[runtimes.${name}]\ndriver = "process"\nstop_grace_seconds = 1\nrestart_policy = "never"\ncommand = ${JSON.stringify(command)}\nenv = { TEST = ${JSON.stringify(dir.path)} }\n`;
  const command = [...ENGINE, "--port", "{port}", ...flags];
  writeFileSync(config, table("fake", command) + table("absent", ["/nowhere/engine", "--port", "{port}"]));
  const server = await serverProcess({ dataDir: join(dir.path, "data"), env: { CONFIG_FILE: config } });
  await must(server.url, "POST", "/models", { model_id: "m", name: "M", model_source: "local" });
  const get = () => must(server.url, "GET", "/deployments/dep-1");
  return {
    url: server.url,
    deploy: async (change: Record<string, unknown> = {}) => {
      const input = { model_id: "m", runtime: "fake", host: "127.0.0.1", port: await freePort(), ...change };
      return await send(server.url, "POST", "/deployments", input);
    },
    get,
    status: (status: string) =>
      eventually(async () => ((await get()).status === status ? true : undefined), `it is ${status}`),
    /** The first failure that the history tells of. */
    failure: () =>
      eventually(async () => {
        const { items } = await must(server.url, "GET", "/activities?activity_type=model_deployment&limit=100");
        return items.toReversed().find(({ extra_data }: Payload) => extra_data.event === "deployment_failed");
      }, "a failure is told of") as Promise<Payload>,
    engines: () => processesOf(dir.path).filter((pid) => pid !== server.process.pid),
    async [Symbol.asyncDispose]() {
      await server.kill("SIGKILL");
      await eventually(() => {
        const left = processesOf(dir.path);
        for (const pid of left) process.kill(pid, "SIGKILL");
        return left.length === 0;
      }, "everything is killed");
      dir[Symbol.dispose]();
    },
  };
}

test("an executable that is missing: the runtime says so, and nothing is made", async () => {
  await using t = await setup();
  const { items } = await must(t.url, "GET", "/runtimes");
  const absent = items.find(({ name }: Payload) => name === "absent");
  expect(absent).toMatchObject({ available: false, reason: "there is no executable /nowhere/engine" });
  expect(await t.deploy({ runtime: "absent" })).toMatchObject({
    status: 409,
    body: { detail: "Runtime absent cannot be used here: there is no executable /nowhere/engine." },
  });
  expect((await must(t.url, "GET", "/deployments")).items).toEqual([]);
});

test("an engine that exits at once is a failure with its exit code, and leaves nothing", async () => {
  await using t = await setup(["--say", "error: unknown model architecture: 'none'", "--exit-code", "7"]);
  expect((await t.deploy()).status).toBe(201);
  expect((await t.failure()).extra_data.reason).toContain("exit code 7");
  await must(t.url, "DELETE", "/deployments/dep-1");
  expect(t.engines()).toEqual([]);
});

/** Takes a port, and even answers like a healthy engine. */
async function thief(port: number): Promise<AsyncDisposable> {
  const server = createServer((_request, response) => void response.end("ok"));
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(port, "127.0.0.1", resolve);
  });
  return { [Symbol.asyncDispose]: async () => void server.close() };
}

test("a port that somebody else has is refused by name, and one that was taken meanwhile is a failure that says so", async () => {
  await using t = await setup();
  const port = await freePort();
  {
    await using _ = await thief(port);
    expect(await t.deploy({ port })).toMatchObject({
      status: 409,
      body: {
        code: "in_use",
        detail: expect.stringContaining(`Port ${port} is taken by `),
        errors: [{ field: "port" }],
      },
    });
  }
  await t.deploy({ port });
  await t.status("running");
  await must(t.url, "POST", "/deployments/dep-1/stop");
  await t.status("stopped");
  await using _ = await thief(port);
  await must(t.url, "POST", "/deployments/dep-1/start");
  expect((await t.failure()).extra_data.reason).toContain(`port ${port} on 127.0.0.1 is taken by `);
  expect(t.engines()).toEqual([]);
});

test("without a port each engine has one of its own, which it answers on", async () => {
  await using t = await setup();
  const made = [await t.deploy({ port: undefined }), await t.deploy({ port: undefined })];
  const [first, second] = made.map(({ body }) => body.port as number);
  expect(first).toBeGreaterThanOrEqual(20_000);
  expect(second).not.toBe(first);
  await t.status("running");
  expect((await fetch(`http://127.0.0.1:${(await t.get()).port}/health`)).status).toBe(200);
});

test("an engine that exits in a loop is restarted by its policy, each time as a new process, and backs off", async () => {
  await using t = await setup(["--exit-code", "7"]);
  await t.deploy({ restart_policy: "on-failure" });
  const waiting = (await eventually(async () => {
    const now = await t.get();
    return now.restart_count >= 1 && now.next_restart_at !== null ? now : undefined;
  }, "it backs off")) as Payload;
  expect(waiting).toMatchObject({ status: "failed", restart_count: 1, crash_loop: false });
  expect(waiting.reason).toContain("exit code 7");
  await must(t.url, "POST", "/deployments/dep-1/stop");
  expect(await t.get()).toMatchObject({ status: "stopped", next_restart_at: null, restart_count: 0 });
  expect(t.engines()).toEqual([]);
});

test("a port that somebody took after it was found free and before the engine listens on it", async () => {
  // Like vLLM it listens only once it has loaded; until then its port is anybody's.
  await using t = await setup(["--mode", "vllm", "--load-ms", "3000"]);
  const { body } = await t.deploy();
  await eventually(async () => (await t.get()).pid, "it has begun");
  // The thief even answers like a healthy engine; what was started ends all the same.
  await using _ = await eventually(() => thief(body.port).catch(() => undefined), "the port is taken");
  expect((await t.failure()).extra_data.reason).toMatch(/exit code 1|port/);
  await must(t.url, "DELETE", "/deployments/dep-1");
  expect(t.engines()).toEqual([]);
});

test("a process that is killed by hand", async () => {
  await using t = await setup();
  await t.deploy();
  await t.status("running");
  const { pid } = await t.get();
  process.kill(pid, "SIGKILL");
  expect((await t.failure()).extra_data.reason).toContain("SIGKILL");
});

test("an engine that ignores SIGTERM and has children elsewhere is stopped with all of them", async () => {
  await using t = await setup(["--ignore-sigterm", "--spawn-child", "session"]);
  await t.deploy();
  await t.status("running");
  expect(t.engines().length).toBeGreaterThan(2);
  expect((await send(t.url, "POST", "/deployments/dep-1/stop")).status).toBe(202);
  await t.status("stopped");
  expect(t.engines()).toEqual([]);
});

test("what a caller must not set is refused by name, and nothing is made", async () => {
  await using t = await setup();
  const { status, body } = await t.deploy({ args: ["--exec", "/bin/sh"], env: { LD_PRELOAD: "/tmp/x.so" } });
  expect(status).toBe(422);
  expect(body.errors.map(({ field }: Payload) => field)).toEqual(["args.0", "args.1", "env.LD_PRELOAD"]);
  expect(t.engines()).toEqual([]);
});

test("a recipe that the operator took out: what runs of it is kept and can be stopped, and does not start again", async () => {
  using dir = tempDir();
  const config = join(dir.path, "llm-manager.toml");
  const command = JSON.stringify([...ENGINE, "--port", "{port}"]);
  writeFileSync(config, `[runtimes.fake]\ndriver = "process"\ncommand = ${command}\nenv = { TEST = "${dir.path}" }\n`);
  const start = () => serverProcess({ dataDir: join(dir.path, "data"), env: { CONFIG_FILE: config } });
  const shown = (url: string) => must(url, "GET", "/deployments/dep-1");
  await using before = await start();
  await must(before.url, "POST", "/models", { model_id: "m", name: "M", model_source: "local" });
  const input = { model_id: "m", runtime: "fake", host: "127.0.0.1", port: await freePort() };
  await must(before.url, "POST", "/deployments", input);
  await eventually(async () => (await shown(before.url)).status === "running", "it runs");
  const { pid } = await shown(before.url);
  await before.kill("SIGKILL");
  writeFileSync(config, "");
  await using after = await start();
  expect(await shown(after.url)).toMatchObject({ status: "running", pid });
  await must(after.url, "POST", "/deployments/dep-1/stop");
  await eventually(async () => (await shown(after.url)).status === "stopped", "it is stopped");
  expect(processesOf(dir.path)).toEqual([after.process.pid ?? 0]);
  const again = await send(after.url, "POST", "/deployments/dep-1/start");
  expect(again).toMatchObject({ status: 422, body: { detail: "There is no runtime fake." } });
});
