import { expect, test } from "bun:test";
import { ApiServer } from "./api-server.ts";
import { runCli } from "./cli-process.ts";

const portOf = (server: ApiServer) => new URL(server.url).port;

test.each([
  [200, "ok", 0],
  [503, "unavailable", 1],
])("health finds the server by PORT, and an answer of %d is %s and exit code %d", async (status, word, code) => {
  await using server = await new ApiServer({
    "GET /readyz": { status, body: { status: word, version: "1.2.3" } },
  }).listen();
  expect(await runCli(["health"], { PORT: portOf(server), HOST: "0.0.0.0" })).toEqual({
    code,
    stdout: `${word}\n`,
    stderr: "",
  });
  expect(server.asked.map(({ request }) => request)).toEqual(["GET /readyz"]);
});

test("health is exit code 1 where nothing listens", async () => {
  const port = await (async () => {
    await using server = await new ApiServer({}).listen();
    return portOf(server);
  })();
  const { code, stdout, stderr } = await runCli(["health"], { PORT: port });
  expect([code, stdout]).toEqual([1, ""]);
  expect(stderr).toContain(`cannot reach http://127.0.0.1:${port}`);
});
