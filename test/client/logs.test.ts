import { expect, test } from "bun:test";
import { once } from "node:events";
import { join } from "node:path";
import { type Client, connect, createApi } from "../../src/client/index.ts";
import { systemClock as clock } from "../../src/clock.ts";
import { loadConfig } from "../../src/config.ts";
import { deploymentLogsEvent, subscriptionAck } from "../../src/contract/index.ts";
import { LogWriter } from "../../src/deployments/logs/writer.ts";
import { configureLogging } from "../../src/logging.ts";
import { startServer } from "../../src/server.ts";
import { runCli, startCli } from "../cli/cli-process.ts";
import { connectClient } from "../socket-client.ts";
import { tempDir } from "../temp-dir.ts";

const TIMEOUT_MS = 60_000;

/** A real server with one deployment, dep-1, whose log the test writes. */
async function rig() {
  const dir = tempDir();
  const start = (port: number) => {
    const config = loadConfig({
      PORT: String(port),
      DATA_DIR: dir.path,
      ALERTS: "off",
      LOG_LEVEL: "error",
      GPU: "off",
    });
    return startServer({ config, log: configureLogging({ level: "error", format: "json" }), program: [] });
  };
  let server = await start(0);
  const { port, url } = server;
  const api = createApi(url);
  await api.models.create({ model_id: "m", name: "M", model_source: "local" });
  await api.deployments.create({ model_id: "m", runtime: "external", port: 9 });
  return {
    url,
    api,
    async write(...texts: string[]) {
      const writer = new LogWriter({ directory: join(dir.path, "logs", "dep-1"), clock, begin: "continue" });
      for (const text of texts) await writer.write("stdout", Buffer.from(`${text}\n`));
      await writer.close();
    },
    /** @param meanwhile what happens while nobody serves. */
    async restart(meanwhile: () => Promise<void>) {
      await server.stop();
      await meanwhile();
      server = await start(port);
    },
    async [Symbol.asyncDispose]() {
      await server.stop();
      dir[Symbol.dispose]();
    },
  };
}

/** Collects the texts of a log until `last` is among them. */
function collected(client: Client, tail: number, last: string): { texts: string[]; done: Promise<void> } {
  const texts: string[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  client.followLog("dep-1", { tail }, ({ lines }) => {
    texts.push(...lines.map(({ text }) => text));
    if (texts.includes(last)) resolve();
  });
  return { texts, done: promise };
}

test(
  "a client follows a log over a restart of the server, each line once",
  async () => {
    await using t = await rig();
    await t.write("one", "two", "three");
    using client = connect(t.url, { socket: { reconnectionDelay: 20, reconnectionDelayMax: 50 } });
    const { texts, done } = collected(client, 2, "six");
    while (!texts.includes("three")) await new Promise(setImmediate);
    await t.write("four");
    while (!texts.includes("four")) await new Promise(setImmediate);
    await t.restart(() => t.write("five"));
    await t.write("six");
    await done;
    expect(texts).toEqual(["two", "three", "four", "five", "six"]);
  },
  TIMEOUT_MS,
);

test(
  "the events are as the contract has them, and what is wrong is said",
  async () => {
    await using t = await rig();
    await t.write("one", "two");
    using client = await connectClient(t.url, "websocket");
    const ack = subscriptionAck.parse(
      await client.ask("subscribe_deployment_logs", { deployment_id: "dep-1", tail: 1 }),
    );
    expect(ack).toMatchObject({ event_type: "deployment_logs", deployment_id: "dep-1" });
    expect(await client.next("subscribed")).toEqual(ack);
    const event = deploymentLogsEvent.parse(await client.next("deployment_logs"));
    expect(event.data).toMatchObject({ deployment_id: "dep-1", lines: [{ text: "two", cursor: ack.cursor }] });
    await t.write("three");
    expect((await client.next("deployment_logs")).data.lines).toMatchObject([{ text: "three" }]);

    for (const [request, code] of [
      [undefined, "invalid_payload"],
      [{ deployment_id: "dep-1", tail: -1 }, "invalid_payload"],
      [{ deployment_id: "dep-1", after: "x" }, "invalid_payload"],
      [{ deployment_id: "dep-1", lines: 3 }, "invalid_payload"],
      [{ deployment_id: "dep-7" }, "not_found"],
    ] as const) {
      const answer = await client.ask("subscribe_deployment_logs", ...(request ? [request] : []));
      expect(answer).toMatchObject({ event_type: "deployment_logs", code });
    }
    await t.api.deployments.remove("dep-1");
    expect(await client.next("unsubscribed")).toMatchObject({ deployment_id: "dep-1" });
  },
  TIMEOUT_MS,
);

test(
  "the command prints a log for people and for programs, and follows it",
  async () => {
    await using t = await rig();
    await t.write("one", "\u001b[31mtwo\u001b[0m", "three");
    const at = ["--url", t.url];
    expect((await runCli(["logs", "dep-1", "--tail", "2", ...at])).stdout).toBe("two\nthree\n");
    const { stdout } = await runCli(["logs", "dep-1", "--json", "--tail", "1", ...at]);
    expect(JSON.parse(stdout)).toMatchObject({ stream: "stdout", text: "three" });
    expect((await runCli(["logs", "dep-1", "--previous", ...at])).stdout).toBe("");
    expect(await runCli(["logs", "dep-2", ...at])).toMatchObject({ code: 1 });
    expect(await runCli(["logs", "-f", "--previous", "dep-1", ...at])).toMatchObject({ code: 2 });

    const child = startCli(["logs", "-f", "--tail", "1", "dep-1", ...at]);
    let printed = "";
    const saw = async (text: string) => {
      while (!printed.includes(text)) await once(child.stdout, "data");
    };
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      printed += text;
    });
    await saw("three\n");
    await t.write("four");
    await saw("four\n");
    await t.restart(() => t.write("five"));
    await saw("five\n");
    child.kill("SIGKILL");
    await once(child, "exit");
    expect(printed).toBe("three\nfour\nfive\n");
  },
  TIMEOUT_MS,
);
