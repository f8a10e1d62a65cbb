import { expect, setDefaultTimeout, test } from "bun:test";
import { adoption } from "./adoption.ts";

setDefaultTimeout(120_000);

test.each(["bun", "deno"] as const)(
  "kill -9 of a server on %s: what runs answers on, and the next server takes it over",
  async (runtime) => {
    const report = await adoption(3, { runtime });
    expect(report).toMatchObject({ adopted: 3, changed: [], failedRequests: 0 });
    expect(report.requests).toBeGreaterThan(100);
  },
);
