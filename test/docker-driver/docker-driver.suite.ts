import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { join, resolve } from "node:path";
import { type Engine, startEngine } from "../docker/engine.ts";
import { nodeProgram } from "../node-program.ts";
import { must, send } from "../rest.ts";
import { BOX, importBox } from "./box-image.ts";
import { localRegistry } from "./local-registry.ts";
import { failed, type Rig, running, startRig, stopped } from "./rig.ts";

setDefaultTimeout(180_000);

const KILLS = 24;
const MANY = 20;
const checkout = resolve(import.meta.dir, "../..");

let engine: Engine;

beforeAll(async () => {
  engine = await startEngine();
  importBox(engine);
});
afterAll(async () => {
  await engine?.[Symbol.asyncDispose]();
});

const answers = async (port: number) => (await fetch(`http://127.0.0.1:${port}/health`, { keepalive: false })).status;
const state = (id: string, what: string) => engine.docker("inspect", "--format", `{{.State.${what}}}`, id);

describe.each(["bun", "deno", "node", "binary"] as const)("served by %s", (kind) => {
  let options: { program: [string, ...string[]] } | { runtime: "bun" | "deno" };
  beforeAll(() => {
    const built = join(checkout, "dist");
    if (kind === "node") options = { program: [nodeProgram, join(built, "node/llm-manager.mjs")] };
    else if (kind === "binary") options = { program: [join(built, "llm-manager")] };
    else options = { runtime: kind };
    const script = { binary: "build", node: "build:node" }[kind as string];
    if (script === undefined) return;
    const { status, stdout, stderr } = spawnSync(process.execPath, ["run", script], {
      cwd: checkout,
      encoding: "utf8",
    });
    if (status !== 0) throw new Error(`bun run ${script} failed:\n${stdout}${stderr}`);
  });

  test("a container starts, is healthy, is restarted, and is gone after a stop", async () => {
    await using rig = await startRig(engine, options);
    const { id, port } = await rig.deploy([], { cpu_cores: 0.5, memory_limit: "64MB" });
    const up = await rig.until(id, running);
    expect(rig.containers()).toEqual([up.container_id]);
    expect(await answers(port)).toBe(200);
    const limits = engine.docker(
      "inspect",
      "--format",
      "{{.HostConfig.NanoCpus}} {{.HostConfig.Memory}}",
      up.container_id,
    );
    expect(limits).toBe("500000000 67108864");
    await rig.command(id, "restart");
    const again = await rig.until(id, (now) => running(now) && now.container_id !== up.container_id);
    expect(rig.containers()).toEqual([again.container_id]);
    await rig.command(id, "stop");
    await rig.until(id, stopped);
    expect(rig.containers()).toEqual([]);
    expect(answers(port)).rejects.toThrow();
  });

  test("kill -9 of the server interrupts nothing: the container is found again, and so is its uptime", async () => {
    await using rig = await startRig(engine, options);
    const { id } = await rig.deploy();
    const before = await rig.until(id, (now) => running(now) && now.uptime_seconds >= 1);
    await rig.killServer();
    const startedAt = state(before.container_id, "StartedAt");
    await rig.startServer();
    const after = await rig.until(id, (now) => running(now) && now.container_id === before.container_id);
    expect(after.deployed_at).toBe(before.deployed_at);
    expect(after.uptime_seconds).toBeGreaterThanOrEqual(before.uptime_seconds);
    expect(state(before.container_id, "StartedAt")).toBe(startedAt);
    expect(rig.containers()).toEqual([before.container_id]);
  });
});

describe("a container that ends", () => {
  test("by itself says with which code", async () => {
    await using rig = await startRig(engine);
    const { id } = await rig.deploy(["exit", "7"]);
    expect(await rig.until(id, failed)).toMatchObject({ reason: expect.stringContaining("ended with exit code 7") });
  });

  test("because somebody removed it says so, and can be started again", async () => {
    await using rig = await startRig(engine);
    const { id } = await rig.deploy();
    const { container_id: container } = await rig.until(id, running);
    engine.docker("rm", "--force", container);
    expect(await rig.until(id, failed)).toMatchObject({ reason: "its container was removed" });
    await rig.command(id, "start");
    await rig.until(id, running);
  });

  test("for its memory says that", async () => {
    await using rig = await startRig(engine);
    const { id } = await rig.deploy(["eat"], { memory_limit: "16MB" });
    expect(await rig.until(id, failed)).toMatchObject({
      reason: "its container was killed for using too much memory (SIGKILL)",
    });
  });

  test("while the server was away is told of by the next one", async () => {
    await using rig = await startRig(engine);
    const { id } = await rig.deploy();
    const { container_id: container } = await rig.until(id, running);
    await rig.killServer();
    engine.docker("kill", container);
    await rig.startServer();
    expect(await rig.until(id, failed)).toMatchObject({ reason: "its container was ended by SIGKILL" });
  });
});

test("what it writes is in the log without gap or repeat, over kills of the server and an Engine that is restarted", async () => {
  await using rig = await startRig(engine);
  const { id } = await rig.deploy();
  for (let kills = 0; kills < 4; kills++) {
    const before = rig.logOf(id).length;
    await rig.until(id, () => rig.logOf(id).length > before + 5);
    await rig.killServer();
    if (kills % 2 === 0) await Bun.sleep(700);
    await rig.startServer();
  }
  await rig.until(id, running);
  await engine.stop();
  await engine.start();
  await rig.until(id, failed);
  const lines = rig.logOf(id).flatMap((line) => /^\S+ stdout F line (\d+)$/.exec(line)?.[1] ?? []);
  expect(lines.length).toBeGreaterThan(20);
  expect(lines).toEqual(lines.map((_, index) => String(index)));
  expect(rig.logOf(id).filter((line) => line.includes(" stderr F ready"))).toHaveLength(1);
  expect(rig.logOf(id).at(-1)).toEndWith("stdout F bye");
});

test("on a network of its own its port is published where the deployment answers, and nowhere else", async () => {
  engine.docker("network", "create", "own");
  const tables = `[runtimes.published]\nextends = "${BOX}"\nnetwork = "own"\ncontainer_port = 8080\n`;
  await using rig = await startRig(engine, { tables });
  const { id, port } = await rig.deploy([], { runtime: "published", host: "127.0.0.1" });
  const { container_id: container } = await rig.until(id, running);
  expect(await answers(port)).toBe(200);
  expect(engine.docker("port", container)).toBe(`8080/tcp -> 127.0.0.1:${port}`);
  await must(rig.server.url, "DELETE", `/deployments/${id}`);
  engine.docker("network", "rm", "own");
});

test("whenever the server is killed, the last command is carried out, with one container or none", async () => {
  await using rig = await startRig(engine);
  const { id } = await rig.deploy();
  await rig.until(id, running);
  let up = true;
  for (let kills = 0; kills < KILLS; kills++) {
    const verb: "start" | "stop" | "restart" = up ? (kills % 3 === 0 ? "stop" : "restart") : "start";
    up = verb !== "stop";
    const asked = send(rig.server.url, "POST", `/deployments/${id}/${verb}`).then(
      ({ status }) => status < 300,
      () => false,
    );
    await Bun.sleep((kills * 37) % 400);
    await rig.killServer();
    expect(rig.containers().length).toBeLessThanOrEqual(1);
    const accepted = await asked;
    await rig.startServer();
    // Who has no answer asks again; that it is so already is one, too.
    if (!accepted) await send(rig.server.url, "POST", `/deployments/${id}/${verb}`);
    const now = await rig.until(id, (deployment) => (up ? running(deployment) : stopped(deployment)));
    expect(rig.containers()).toEqual(up ? [now.container_id] : []);
  }
});

test("many are found again at once, and answer all the while", async () => {
  await using rig = await startRig(engine);
  const all = await Promise.all(Array.from({ length: MANY }, () => rig.deploy()));
  const before = await Promise.all(all.map(({ id }) => rig.until(id, running)));
  let asking = true;
  let refused = 0;
  const asked = all.map(async ({ port }) => {
    while (asking) {
      if ((await answers(port).catch(() => 0)) !== 200) refused++;
      await Bun.sleep(100);
    }
  });
  await rig.killServer();
  await rig.startServer();
  const after = await Promise.all(all.map(({ id }) => rig.until(id, running)));
  asking = false;
  await Promise.all(asked);
  expect(refused).toBe(0);
  expect(after.map((each) => each.container_id)).toEqual(before.map((each) => each.container_id));
  expect(after.map((each) => each.deployed_at)).toEqual(before.map((each) => each.deployed_at));
  expect(rig.containers()).toHaveLength(MANY);
});

test("one that ignores SIGTERM is killed after its grace", async () => {
  await using rig = await startRig(engine);
  const { id, port } = await rig.deploy(["ignore-sigterm"]);
  await rig.until(id, running);
  await rig.command(id, "stop");
  await rig.until(id, stopped);
  expect(rig.containers()).toEqual([]);
  expect(answers(port)).rejects.toThrow();
});

test("a server killed while it stops one finishes that, and one whose deployment is gone is removed", async () => {
  await using rig = await startRig(engine);
  const { id } = await rig.deploy(["ignore-sigterm"]);
  const { container_id: container } = await rig.until(id, running);
  await rig.command(id, "stop");
  await rig.killServer();
  // As if another deployment of this server had been removed from its database by a backup that was played back.
  const owner = engine.docker("inspect", "--format", '{{index .Config.Labels "llm-manager.data-dir"}}', container);
  const marks = ["--label", `llm-manager.data-dir=${owner}`, "--label", "llm-manager.deployment=dep-99"];
  const run = ["run", "--detach", "--stop-timeout=1", "--network=host", "--entrypoint=/bin/sleep"];
  engine.docker(...run, ...marks, BOX, "1000");
  const foreign = engine.docker(...run, "--label", "llm-manager.data-dir=0123456789ab", BOX, "1000");
  await rig.startServer();
  await rig.until(id, stopped);
  await untilGone(rig, foreign);
  expect(state(foreign, "Running")).toBe("true");
});

async function untilGone(rig: Rig, but: string): Promise<void> {
  while (rig.containers().some((id) => id !== but)) await Bun.sleep(50);
}

describe("the Engine", () => {
  test("restarted takes its containers along, and they are started again by themselves", async () => {
    await using rig = await startRig(engine);
    const { id } = await rig.deploy([], { restart_policy: "on-failure" });
    const { container_id: before } = await rig.until(id, running);
    await engine.stop();
    await engine.start();
    const after = await rig.until(id, (now) => running(now) && now.container_id !== before);
    expect(after.restart_count).toBeGreaterThanOrEqual(1);
    expect(rig.containers()).toEqual([after.container_id]);
  });

  test("stopped takes its containers along, which is said, and a start waits for it to be back", async () => {
    await using rig = await startRig(engine);
    const { id } = await rig.deploy();
    await rig.until(id, running);
    await engine.stop();
    try {
      const refused = await until503(rig, id);
      expect(refused.body.detail).toContain("there is no Docker Engine at");
    } finally {
      await engine.start();
    }
    expect(await rig.until(id, failed)).toMatchObject({
      reason: "its container was stopped from outside (exit code 0)",
    });
    await rig.command(id, "start");
    await rig.until(id, running);
    expect(rig.containers()).toHaveLength(1);
  });

  test("away when the server starts is waited for, and what it kept is found", async () => {
    await using rig = await startRig(engine);
    const { id } = await rig.deploy();
    const { container_id: container } = await rig.until(id, running);
    await rig.killServer();
    await engine.stop();
    await rig.startServer();
    expect(await rig.get(id)).toMatchObject({ status: "running", health_status: "unknown" });
    await engine.start();
    expect(await rig.until(id, failed)).toMatchObject({ reason: expect.stringContaining("its container") });
    expect(rig.containers()).not.toContain(container);
  });
});

/** What the server answers to a start once it knows that there is no Engine. */
async function until503(rig: Rig, id: string) {
  for (;;) {
    const answer = await send(rig.server.url, "POST", `/deployments/${id}/restart`);
    if (answer.status >= 400) return answer;
    await Bun.sleep(50);
  }
}

describe("an image", () => {
  test("that is not here and cannot be pulled is why a deployment fails", async () => {
    const tables = `[runtimes.absent]\nextends = "${BOX}"\nimage = "127.0.0.1:1/nothing:1"\n`;
    await using rig = await startRig(engine, { tables });
    const { id } = await rig.deploy([], { runtime: "absent" });
    const { reason } = await rig.until(id, failed);
    expect(reason).toStartWith("the image 127.0.0.1:1/nothing:1 is not on this machine and could not be pulled: ");
  });

  test("that is not here is pulled, and how far that is can be seen", async () => {
    await using registry = await localRegistry();
    const image = `127.0.0.1:${registry.port}/engine:1`;
    importBox(engine, image, 150 * 2 ** 20);
    engine.docker("push", image);
    engine.docker("rmi", image);
    await using rig = await startRig(engine, { tables: `[runtimes.pulled]\nextends = "${BOX}"\nimage = "${image}"\n` });
    const { id } = await rig.deploy([], { runtime: "pulled" });
    const pulling = await rig.until(id, ({ progress }) => progress?.percent > 0);
    expect(pulling).toMatchObject({ status: "deploying", progress: { step: `pulling the image ${image}` } });
    expect(await rig.until(id, running)).toMatchObject({ progress: null });
    expect(rig.logOf(id).find((line) => line.includes(" system F pulling the image"))).toBeDefined();
    await must(rig.server.url, "DELETE", `/deployments/${id}`);
    expect(rig.containers()).toEqual([]);
    engine.docker("rmi", image);
  });
});
