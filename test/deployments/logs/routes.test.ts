import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { systemClock as clock } from "../../../src/clock.ts";
import { type Deployment, logLine, ProblemError } from "../../../src/contract/index.ts";
import { DeploymentLogs } from "../../../src/deployments/logs/logs.ts";
import { logResponse } from "../../../src/deployments/logs/response.ts";
import { mountDeploymentLogs } from "../../../src/deployments/logs/routes.ts";
import { LogWriter } from "../../../src/deployments/logs/writer.ts";
import { testApp } from "../../http/setup.ts";
import { tempDir } from "../../temp-dir.ts";

const path = "/api/v1/deployments/dep-1/logs";

function rig() {
  const stack = new DisposableStack();
  const dir = stack.use(tempDir());
  const logs = stack.use(new DeploymentLogs({ directory: dir.path, clock }));
  const get = (id: string) => {
    if (id !== "dep-1") throw new ProblemError("not_found", `There is no deployment ${id}.`);
    // The route only asks whether it is there.
    return {} as Deployment;
  };
  const app = stack.use(testApp({}, () => true, [(api) => mountDeploymentLogs(api, { deployments: { get }, logs })]));
  return {
    logs,
    get: (query = "", accept?: string, more: Record<string, string> = {}) =>
      app.request("GET", path + query, { headers: { ...(accept && { accept }), ...more } }),
    json: (query: string, id = "dep-1") => app.json("GET", `/api/v1/deployments/${id}/logs${query}`, undefined),
    async write(...texts: string[]) {
      const writer = new LogWriter({ directory: join(dir.path, "dep-1"), clock, begin: "continue" });
      for (const text of texts) await writer.write("stdout", Buffer.from(`${text}\n`));
      await writer.close();
    },
    [Symbol.dispose]: () => stack[Symbol.dispose](),
  };
}

const parsed = (text: string) =>
  text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => logLine.parse(JSON.parse(line)));

describe("the log of a deployment", () => {
  test("is plain text, a JSON object a line, or events, as the caller accepts", async () => {
    using t = rig();
    await t.write("one", "x".repeat(20_000), "three");
    const text = await t.get();
    expect(text.headers.get("content-type")).toBe("text/plain; charset=utf-8");
    expect(await text.text()).toBe(`one\n${"x".repeat(20_000)}\nthree\n`);
    const json = await t.get("?tail=2", "application/x-ndjson");
    expect(json.headers.get("content-type")).toBe("application/x-ndjson");
    expect(parsed(await json.text()).map((line) => line.partial)).toEqual([undefined, undefined]);
    const events = await (await t.get("?tail=1", "text/event-stream")).text();
    expect(events).toMatch(/^id: 1-[0-9]+\ndata: \{.*"text":"three"\}\n\n$/);
    expect(await (await t.get("?tail=1", "*/*")).text()).toBe("three\n");
  });

  test("goes on where an EventSource was", async () => {
    using t = rig();
    await t.write("one", "two");
    const [first] = parsed(await (await t.get("", "application/x-ndjson")).text());
    const rest = await t.get("", "text/event-stream", { "last-event-id": first?.cursor ?? "" });
    expect(await rest.text()).toContain('"text":"two"');
  });

  test("comes as it is written when it is followed, and ends with the server", async () => {
    using t = rig();
    await t.write("one");
    const response = await t.get("?follow&tail=1");
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    expect((await reader?.read())?.value).toBe("one\n");
    await t.write("two");
    expect((await reader?.read())?.value).toBe("two\n");
    t.logs[Symbol.dispose]();
    expect((await reader?.read())?.done).toBe(true);
  });

  test("is not followed any more once the client has left", async () => {
    let left = false;
    const ended = Promise.withResolvers<void>();
    async function* forever() {
      try {
        for (;;) yield { lines: [], dropped: 0, full: false };
      } finally {
        ended.resolve();
      }
    }
    const reader = logResponse(forever(), "application/x-ndjson", () => {
      left = true;
    }).body?.getReader();
    await reader?.read();
    await reader?.cancel();
    await ended.promise;
    expect(left).toBe(true);
  });

  test.each([
    ["?tail=-1", "tail"],
    ["?tail=1e9", "tail"],
    ["?since=yesterday", "since"],
    ["?after=12", "after"],
    ["?start=first", "start"],
    ["?follow=perhaps", "follow"],
    ["?follow&start=previous", "follow"],
    ["?lines=3", "lines"],
  ])("%s is refused, naming the field", async (query, field) => {
    using t = rig();
    const { status, body } = await t.json(query);
    expect(status).toBe(422);
    expect(JSON.stringify(body.errors)).toContain(field);
  });

  test("of nobody is not found", async () => {
    using t = rig();
    expect((await t.json("", "dep-2")).body).toMatchObject({ status: 404, code: "not_found" });
  });
});
