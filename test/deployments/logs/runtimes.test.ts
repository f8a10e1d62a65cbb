import { expect, test } from "bun:test";
import { join } from "node:path";
import { systemClock as clock } from "../../../src/clock.ts";
import { LogWriter } from "../../../src/deployments/logs/writer.ts";
import { must } from "../../rest.ts";
import { serverProcess } from "../../server-process.ts";

test.each(["bun", "deno"] as const)(
  "a server run by %s finds the same lines from the end and since a time",
  async (runtime) => {
    await using server = await serverProcess({ runtime });
    await must(server.url, "POST", "/models", { model_id: "m", name: "M", model_source: "local" });
    await must(server.url, "POST", "/deployments", { model_id: "m", runtime: "external", port: 9 });
    const directory = join(server.dataDir, "logs", "dep-1");
    const writer = new LogWriter({ directory, clock, begin: "new" });
    for (let i = 0; i < 5_000; i++) await writer.write("stdout", Buffer.from(`line ${i}\n`), i * 1000);
    await writer.close();
    const lines = async (query: string) => {
      const response = await fetch(`${server.url}/api/v1/deployments/dep-1/logs?${query}`);
      return (await response.text()).split("\n").slice(0, -1);
    };
    expect(await lines("tail=2")).toEqual(["line 4998", "line 4999"]);
    expect(await lines("tail=3000")).toHaveLength(3_000);
    expect(await lines("since=1970-01-01T01:20:00Z")).toHaveLength(200);
  },
  30_000,
);
