import { describe, expect, test } from "bun:test";
import { createServer } from "node:net";
import { systemClock } from "../../src/clock.ts";
import { httpProbe, type ProbeResult } from "../../src/deployments/probe.ts";
import { FakeClock } from "../fake-clock.ts";
import { type EngineState, type FakeEngine, startEngine } from "../fake-engine/start.ts";

const never = new AbortController().signal;
type Check = Parameters<typeof httpProbe>[1];

function probeOf(port: number, check: Partial<Check> = {}, host = "localhost") {
  return httpProbe({ host, port }, { scheme: "http", path: null, ...check }, systemClock);
}

async function look(engine: FakeEngine, check: Partial<Check> = {}): Promise<ProbeResult> {
  return await probeOf(engine.port, check)(5_000, never);
}

/** A port that refuses: one that was given out and is free again. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

describe("a probe knows the engines", () => {
  test("llama-server: loading while /health answers 503 with its error object, then healthy", async () => {
    await using engine = await startEngine("--load-ms", "hold");
    expect(await look(engine)).toEqual({
      outcome: "loading",
      reason: `the engine at http://localhost:${engine.port}/health is loading its model`,
    });
    await engine.control({ loaded: true });
    expect(await look(engine)).toEqual({ outcome: "healthy" });
  });

  test("vLLM: refused until it listens, then healthy with an empty body", async () => {
    await using engine = await startEngine("--mode", "vllm", "--load-ms", "hold");
    expect(await look(engine)).toMatchObject({
      outcome: "failed",
      reason: `connection refused at http://localhost:${engine.port}/health`,
    });
    await engine.control({ loaded: true });
    expect(await look(engine)).toEqual({ outcome: "healthy" });
  });

  test("Ollama: only / is there; it is found once and kept", async () => {
    await using engine = await startEngine("--mode", "ollama");
    const probe = probeOf(engine.port);
    expect(await probe(5_000, never)).toEqual({ outcome: "healthy" });
    expect(await probe(5_000, never)).toEqual({ outcome: "healthy" });
    expect((await engine.state()).asked).toEqual({ "/health": 1, "/v1/models": 1, "/": 2 });
  });

  test("a found path that is gone is looked for again", async () => {
    await using engine = await startEngine();
    const probe = probeOf(engine.port);
    await probe(5_000, never);
    await engine.control({ health: 404 });
    expect(await probe(5_000, never)).toMatchObject({ outcome: "failed" });
    expect(await probe(5_000, never)).toEqual({ outcome: "healthy" });
    expect((await engine.state()).asked).toMatchObject({ "/health": 3, "/v1/models": 1 });
  });
});

describe("a probe says what is wrong", () => {
  test.each([500, 401, 503, 302, 418])("status %d", async (status) => {
    await using engine = await startEngine();
    await engine.control({ health: status });
    const reason = `answered ${status} at http://localhost:${engine.port}/health`;
    expect(await look(engine)).toMatchObject({ outcome: "failed", reason });
    // A redirect leads to /elsewhere, which nobody must have asked for.
    expect((await engine.state()).asked).toEqual({ "/health": 1 });
  });

  test("a path that is not there, given or searched for", async () => {
    await using engine = await startEngine("--mode", "ollama");
    const given = `answered 404 at http://localhost:${engine.port}/nope`;
    expect(await look(engine, { path: "/nope" })).toMatchObject({ outcome: "failed", reason: given });
    await engine.control({ health: 404 });
    const searched = `answered 404 on /health, /v1/models, / at http://localhost:${engine.port}`;
    expect(await look(engine)).toMatchObject({ outcome: "failed", reason: searched });
  });

  test("nobody listens, a name that does not exist, a connection that is closed", async () => {
    const port = await freePort();
    const refused = `connection refused at http://[::1]:${port}/health`;
    expect(await probeOf(port, {}, "::1")(5_000, never)).toMatchObject({ outcome: "failed", reason: refused });
    const unknown = `unknown host no-such-host.invalid in http://no-such-host.invalid:${port}/health`;
    expect(await probeOf(port, {}, "no-such-host.invalid")(5_000, never)).toMatchObject({ reason: unknown });
    await using engine = await startEngine();
    await engine.control({ health: "close" });
    const closed = `connection closed without an answer at http://localhost:${engine.port}/health`;
    expect(await look(engine)).toMatchObject({ outcome: "failed", reason: closed });
    const tls = `TLS failed at https://localhost:${engine.port}/health`;
    expect(await look(engine, { scheme: "https" })).toMatchObject({ outcome: "failed", reason: tls });
  });

  test("no answer in time, and the connection is let go", async () => {
    await using engine = await startEngine();
    await engine.control({ health: "hang" });
    const clock = new FakeClock();
    const probe = httpProbe({ host: "localhost", port: engine.port }, { scheme: "http", path: "/health" }, clock);
    const result = probe(5_000, never);
    await until(engine, (state) => state.asked["/health"] === 1);
    await clock.advance(5_000);
    expect(await result).toMatchObject({
      outcome: "failed",
      reason: `no answer within 5 s at http://localhost:${engine.port}/health`,
    });
    await until(engine, (state) => state.connections === 0);
  });

  test("a body without an end is not read to its end", async () => {
    await using engine = await startEngine();
    await engine.control({ health: "endless 503" });
    expect(await look(engine)).toMatchObject({ outcome: "failed" });
    await until(engine, (state) => state.connections === 0);
    await engine.control({ health: "endless 200" });
    expect(await look(engine)).toEqual({ outcome: "healthy" });
    await until(engine, (state) => state.connections === 0);
  });
});

describe("a probe leaves nothing behind", () => {
  test("no connection stays open after many probes, and no timer after one", async () => {
    await using engine = await startEngine();
    const clock = new FakeClock();
    const probe = httpProbe({ host: "localhost", port: engine.port }, { scheme: "http", path: null }, clock);
    for (let i = 0; i < 20; i++) await probe(5_000, never);
    expect(clock.pending).toBe(0);
    await until(engine, (state) => state.connections === 0);
  });

  test("one that is called off rejects at once and lets its connection go", async () => {
    await using engine = await startEngine();
    await engine.control({ health: "hang" });
    const abort = new AbortController();
    const result = probeOf(engine.port)(60_000, abort.signal);
    await until(engine, (state) => state.asked["/health"] === 1);
    abort.abort(new Error("called off"));
    await expect(result).rejects.toThrow("called off");
    await until(engine, (state) => state.connections === 0);
  });

  test("localhost finds an engine on either family, and IPv6 addresses need no brackets", async () => {
    await using engine = await startEngine("--host", "::1");
    expect(await look(engine)).toEqual({ outcome: "healthy" });
    expect(await probeOf(engine.port, {}, "::1")(5_000, never)).toEqual({ outcome: "healthy" });
  });
});

/**
 * Asks the engine itself until it is so. Each answer is a round trip to another process, so this does not spin, and a
 * connection that only the garbage collector would close is not waited for.
 */
async function until(engine: FakeEngine, holds: (state: EngineState) => boolean): Promise<void> {
  for (let trips = 0; trips < 40; trips++) if (holds(await engine.state())) return;
  throw new Error(`not so after 40 round trips: ${JSON.stringify(await engine.state())}`);
}
