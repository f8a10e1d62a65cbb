import { expect, setDefaultTimeout, test } from "bun:test";
import { serverProcess } from "../server-process.ts";
import { runDocumentProgram } from "./programs.ts";

setDefaultTimeout(60_000);

test("the document's JavaScript client prints live data", async () => {
  await using server = await serverProcess();
  const expected = ["Connected to server", "Subscription confirmed:", "System Resources:", "usage_percent"];
  expect(await runDocumentProgram("javascript", server.url, expected)).toContain("client_");
});
