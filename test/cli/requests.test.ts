import { describe, expect, test } from "bun:test";
import { once } from "node:events";
import { ApiServer } from "./api-server.ts";
import { runCli, startCli } from "./cli-process.ts";

const model = {
  model_id: "llama2-7b",
  name: "LLaMA2 对话 \u001b[31mred\u001b[0m\u0007",
  model_source: "huggingface",
  uri: "hf://meta-llama/Llama-2-7b-chat-hf",
  description: null,
  size_bytes: 13_476_839_424,
  context_length: 4096,
  tags: ["chat"],
  created_at: "2026-01-01T12:00:00.000Z",
  updated_at: "2026-01-01T12:00:00.000Z",
};

const problem = {
  type: "about:blank",
  title: "The input is not valid",
  status: 422,
  detail: "The body has 2 fields that are not valid.",
  code: "validation_failed",
  errors: [
    { field: "model_id", message: "must be a slug" },
    { field: "model_source", message: "must be a lower-case word" },
  ],
};

describe("a result", () => {
  test("is a table for people, without what could steer their terminal", async () => {
    await using server = await new ApiServer({
      "GET /api/v1/models": { body: { items: [model], next: "llama2-7b" } },
    }).listen();
    const { code, stdout, stderr } = await runCli(["models", "list", "--url", server.url]);
    expect(code).toBe(0);
    const [head, row] = stdout.split("\n");
    expect(head).toMatch(/^MODEL +NAME +SOURCE +SIZE +URI +ADDED$/);
    expect(row).toStartWith("llama2-7b  LLaMA2 对话 red  huggingface  12.6 GB  hf://meta-llama/Llama-2-7b-chat-hf  ");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that none is there is the point
    expect(stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/);
    expect(stderr).toBe("There are more: --after llama2-7b\n");
  });

  test("is the server's JSON for programs, and nothing else", async () => {
    const body = { items: [model], next: null };
    await using server = await new ApiServer({ "GET /api/v1/models?limit=1": { body } }).listen();
    const { stdout, stderr } = await runCli(["models", "list", "--limit", "1", "--json", "--url", `${server.url}/`]);
    expect(JSON.parse(stdout)).toEqual(body);
    expect(stderr).toBe("");
  });

  test("that is empty says what to do next", async () => {
    await using server = await new ApiServer({
      "GET /api/v1/deployments": { body: { items: [], next: null } },
    }).listen();
    const { stdout } = await runCli(["deployments", "list"], { LLM_MANAGER_URL: server.url });
    expect(stdout).toContain("llm-manager deployments create");
  });

  test("that nobody reads to the end is no error", async () => {
    const items = Array.from({ length: 5_000 }, (_, n) => ({ ...model, model_id: `model-${n}` }));
    await using server = await new ApiServer({ "GET /api/v1/models": { body: { items, next: null } } }).listen();
    const child = startCli(["models", "list", "--json", "--url", server.url]);
    let stderr = "";
    child.stderr.on("data", (chunk) => {
      stderr += chunk;
    });
    await once(child.stdout, "data");
    child.stdout.destroy();
    const [code] = await once(child, "close");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  });
});

describe("a request", () => {
  test("carries what the options say, and leaves the rest to the server's defaults", async () => {
    const deployment = { deployment_id: "dep-1", status: "deploying", warnings: ["4.0 GiB are free"] };
    await using server = await new ApiServer({
      "POST /api/v1/deployments": { status: 201, body: deployment },
    }).listen();
    const args = ["deployments", "create", "m", "--runtime", "external", "--port", "8000", "--health-path", "/up"];
    const more = ["--arg=-v", "--arg", "x", "--env", "A=1", "--env", "B=a=b", "--health-interval", "2", "--force"];
    const { code, stdout } = await runCli([...args, ...more, "--url", server.url]);
    expect(code).toBe(0);
    expect(stdout).toStartWith("dep-1 is deploying.");
    expect(stdout).toEndWith("\nwarning: 4.0 GiB are free\n");
    expect(server.asked[0]?.body).toEqual({
      model_id: "m",
      runtime: "external",
      port: 8000,
      args: ["-v", "x"],
      env: { A: "1", B: "a=b" },
      health: { path: "/up", interval_seconds: 2 },
      force: true,
    });
  });

  test("for an estimate prints what is needed and what is free, for people and for programs", async () => {
    const fit = {
      verdict: "not_free",
      message: "There is not enough free memory for it now",
      context_length: 8192,
      weights_bytes: 4 * 2 ** 30,
      kv_cache_bytes: null,
      needed_bytes: 4.5 * 2 ** 30,
      memory_free_bytes: 2 * 2 ** 30,
      gpu_memory_free_bytes: null,
    };
    await using server = await new ApiServer({ "POST /api/v1/deployments/fit": { body: fit } }).listen();
    const args = ["deployments", "fit", "m", "--url", server.url];
    const { stdout } = await runCli([...args, "--context-length", "8192"]);
    expect(stdout).toStartWith("There is not enough free memory for it now.\n");
    expect(stdout).toMatch(/^needed +about 4\.5 GB$/m);
    expect(stdout).toMatch(/^free memory +2\.0 GB$/m);
    expect(stdout).toMatch(/^free GPU memory +–$/m);
    expect(JSON.parse((await runCli([...args, "--json"])).stdout)).toEqual(fit);
    expect(server.asked.map(({ body }) => body)).toEqual([{ model_id: "m", context_length: 8192 }, { model_id: "m" }]);
  });

  test("clears a field that is given as empty", async () => {
    await using server = await new ApiServer({ "PATCH /api/v1/models/a%2Fb": { body: model } }).listen();
    await runCli(["models", "update", "a/b", "--uri", "", "--tag", "x", "--url", server.url]);
    expect(server.asked).toMatchObject([{ request: "PATCH /api/v1/models/a%2Fb", body: { uri: null, tags: ["x"] } }]);
  });

  test.each([
    [["--token", "given"], {}, "Bearer given"],
    [[], { LLM_MANAGER_TOKEN: "from-env", AUTH_TOKEN: "servers" }, "Bearer from-env"],
    [[], { AUTH_TOKEN: "servers" }, "Bearer servers"],
    [[], {}, undefined],
  ])("with %j and %j authorizes itself with %p", async (args, environment, expected) => {
    await using server = await new ApiServer({ "DELETE /api/v1/models/m": { status: 204 } }).listen();
    const { code, stdout } = await runCli(["models", "remove", "m", "--url", server.url, ...args], environment);
    expect({ code, stdout }).toEqual({ code: 0, stdout: "Removed m.\n" });
    expect(server.asked[0]?.authorization).toBe(expected);
  });
});

describe("a failure is exit code 1 and says", () => {
  test("each bad field", async () => {
    await using server = await new ApiServer({
      "POST /api/v1/models": { status: 422, type: "application/problem+json", body: problem },
    }).listen();
    expect(await runCli(["models", "add", "M", "--source", "X", "--json", "--url", server.url])).toEqual({
      code: 1,
      stdout: "",
      stderr: `error: ${problem.detail}\n  model_id: must be a slug\n  model_source: must be a lower-case word\n`,
    });
  });

  test("that a token is needed", async () => {
    const refused = { ...problem, status: 401, code: "unauthorized", detail: "Send a token.", errors: undefined };
    await using server = await new ApiServer({
      "GET /api/v1/runtimes": { status: 401, type: "application/problem+json", body: refused },
    }).listen();
    const { code, stderr } = await runCli(["runtimes", "--url", server.url]);
    expect(stderr).toBe("error: the server wants a valid token; pass it with --token or LLM_MANAGER_TOKEN\n");
    expect(code).toBe(1);
  });

  test("that another kind of server answered", async () => {
    await using server = await new ApiServer({}).listen();
    const { code, stderr } = await runCli(["resources", "--url", server.url]);
    expect(stderr).toBe(`error: ${server.url} answered 404 with text/html, which is not llm-manager's API\n`);
    expect(code).toBe(1);
  });

  test.each([[["models", "list"]], [["watch"]], [["activities", "list", "--follow"]]])(
    "that nothing listens (%j)",
    async (args) => {
      const server = await new ApiServer({}).listen();
      const { url } = server;
      await server[Symbol.asyncDispose]();
      const { code, stderr } = await runCli([...args, "--url", url]);
      expect(stderr).toBe(
        `error: cannot reach ${url}: nothing listens there. Is it running? Start it with: llm-manager serve\n`,
      );
      expect(code).toBe(1);
    },
  );
});
