import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { streamName, streams, subscribedMessage } from "../../src/contract/index.ts";
import { runDocumentProgram } from "../contract/programs.ts";
import { must } from "../rest.ts";
import { type ServerProcess, serverProcess } from "../server-process.ts";
import type { Payload } from "../socket-client.ts";

setDefaultTimeout(90_000);

const client = fileURLToPath(new URL("./client.py", import.meta.url));

/** Runs client.py, which subscribes to each stream and prints a JSON line per event, until `done` says it is enough. */
async function runClient(
  url: string,
  transport: string,
  done: (lines: Payload[]) => boolean,
  onReady: () => Promise<void>,
) {
  const child = spawn("/usr/bin/python3", ["-u", client, url, transport], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = once(child, "exit");
  const lines: Payload[] = [];
  let rest = "";
  let errors = "";
  let ready = false;
  try {
    await new Promise<void>((resolve, reject) => {
      const fail = (why: string) =>
        reject(new Error(`${why}\n${errors}\n${JSON.stringify(lines.map((l) => l.event))}`));
      const timer = setTimeout(() => fail("client.py did not get what it should in time"), 60_000);
      child.stderr.setEncoding("utf8").on("data", (text: string) => (errors += text));
      child.stdout.setEncoding("utf8").on("data", (text: string) => {
        const parts = (rest + text).split("\n");
        rest = parts.pop() ?? "";
        lines.push(...parts.map((line): Payload => JSON.parse(line)));
        const subscribed = lines.filter((line) => line.event === "subscribed").length;
        if (!ready && subscribed === streamName.options.length) {
          ready = true;
          onReady().catch(reject);
        }
        if (!done(lines)) return;
        clearTimeout(timer);
        resolve();
      });
      child.once("exit", (code) => fail(`client.py ended with ${code}`));
    });
    return { lines, errors };
  } finally {
    child.kill("SIGKILL");
    await ended;
  }
}

for (const runtime of ["bun", "deno"] as const) {
  let server: ServerProcess;
  beforeAll(async () => {
    server = await serverProcess({ runtime });
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
  });

  test(`the document's Python client prints live data from ${runtime}`, async () => {
    const expected = ["Connected to server", "Subscription confirmed:", "System Resources:", "usage_percent"];
    expect(await runDocumentProgram("python", server.url, expected)).not.toContain("Traceback");
  });

  test.each(["websocket", "polling"])(
    `python-socketio gets every stream from ${runtime} over %s`,
    async (transport) => {
      const wanted = ["system_resources_update", "model_status_update", "activity_stream", "deployment_events"];
      const { lines, errors } = await runClient(
        server.url,
        transport,
        (seen) => wanted.every((event) => seen.some((line) => line.event === event)),
        async () => {
          const model_id = `python-${runtime}-${transport}`;
          await must(server.url, "POST", "/models", { model_id, name: "Python", model_source: "local" });
          await must(server.url, "POST", "/deployments", {
            model_id,
            runtime: "external",
            port: Number(new URL(server.url).port),
          });
        },
      );
      expect(errors).not.toContain("Traceback");
      const messages = lines.filter((line) => line.event === "subscribed").map((line) => line.data.message);
      expect(messages.sort()).toEqual(streamName.options.map((name) => subscribedMessage(name)).sort());
      for (const stream of streamName.options) {
        const frame = lines.find((line) => line.event === streams[stream].event);
        if (frame) streams[stream].envelope.parse(frame.data);
      }
    },
  );
}
