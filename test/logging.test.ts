import { describe, expect, test } from "bun:test";
import { Writable } from "node:stream";
import { configureLogging, flushLogs, type LoggingOptions } from "../src/logging.ts";

/** A stream that keeps what it is given. */
class Sink extends Writable {
  text = "";
  readonly isTTY: boolean;

  constructor(isTTY = false) {
    super();
    this.isTTY = isTTY;
  }

  override _write(chunk: unknown, _encoding: string, done: () => void): void {
    this.text += String(chunk);
    done();
  }
}

function logTo(stream: LoggingOptions["stream"], options: Partial<LoggingOptions> = {}) {
  return configureLogging({ level: "info", format: "auto", environment: {}, ...options, ...(stream && { stream }) });
}

describe("a log line for a program", () => {
  test("is one JSON object with time, level, logger, message and properties", async () => {
    const sink = new Sink();
    logTo(sink)
      .getChild("realtime")
      .warn("Disconnected {who}: {error}", { who: "client_1", error: new Error("too slow") });
    await flushLogs();
    expect(sink.text).toEndWith("}\n");
    expect(JSON.parse(sink.text)).toEqual({
      "@timestamp": expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      level: "WARN",
      logger: "llm-manager.realtime",
      message: "Disconnected client_1: too slow",
      properties: {
        who: "client_1",
        error: { name: "Error", message: "too slow", stack: expect.stringContaining("too slow") },
      },
    });
  });

  test("is not written below the level", async () => {
    const sink = new Sink();
    const log = logTo(sink, { level: "warning" });
    log.info("quiet");
    log.warn("loud");
    await flushLogs();
    expect(sink.text.match(/quiet|loud/g)).toEqual(["loud"]);
  });

  test("holds no secret, however deep, and also not in its message", async () => {
    const sink = new Sink();
    logTo(sink).info("Got {token} from {address}", {
      token: "s3cret-1",
      address: "10.0.0.1",
      headers: { Authorization: "Bearer s3cret-2", cookie: "s3cret-3" },
      env: { HF_TOKEN: "s3cret-4", OPENAI_API_KEY: "s3cret-5", DB_PASSWORD: "s3cret-6" },
      max_tokens: 7,
    });
    await flushLogs();
    expect(sink.text).not.toContain("s3cret");
    expect(JSON.parse(sink.text)).toMatchObject({
      message: "Got [hidden] from 10.0.0.1",
      properties: { address: "10.0.0.1", max_tokens: 7 },
    });
  });
});

describe("a log line for a person", () => {
  test("is coloured text on a terminal, plain with NO_COLOR, JSON where nobody looks", async () => {
    const terminal = new Sink(true);
    logTo(terminal).info("hello");
    expect(terminal.text).toContain("\u001b[");
    expect(terminal.text).toContain("hello");
    const uncoloured = new Sink(true);
    logTo(uncoloured, { environment: { NO_COLOR: "1" } }).info("hello");
    expect(uncoloured.text).toMatch(/^\d\d:\d\d:\d\d\.\d{3} +info +llm-manager +hello\n$/);
    const pipe = new Sink();
    logTo(pipe).info("hello");
    expect(JSON.parse(pipe.text).message).toBe("hello");
  });

  test("cannot be made to steer the terminal by what a client sent", async () => {
    const sink = new Sink(true);
    logTo(sink, { environment: { NO_COLOR: "1" } }).info("Refused {name}", { name: "\u001b[2J\u001b]0;title\u0007x" });
    expect(sink.text).not.toContain("\u001b");
    expect(sink.text).not.toContain("\u0007");
    expect(sink.text).toContain("Refused");
  });
});

describe("a stream that cannot take a line", () => {
  test("does not disturb the program: closed, or full", async () => {
    class Broken extends Sink {
      override _write(_chunk: unknown, _encoding: string, done: (error?: Error) => void): void {
        done(Object.assign(new Error("no space left on device"), { code: "ENOSPC" }));
      }
    }
    const broken = new Broken();
    const failed = new Promise((resolve) => broken.on("close", resolve));
    const log = logTo(broken);
    log.info("lost");
    await failed;
    log.info("lost as well");
    await flushLogs();
  });

  test("costs lines, and not memory without bound, when it is slow; what was lost is counted", async () => {
    let release: () => void = () => {};
    class Slow extends Sink {
      override _write(chunk: unknown, _encoding: string, done: () => void): void {
        this.text += String(chunk);
        if (String(chunk).includes("first")) release = done;
        else done();
      }
    }
    const slow = new Slow();
    const log = logTo(slow);
    log.info("first");
    const long = "x".repeat(10_000);
    for (let n = 0; n < 200; n++) log.info(long);
    expect(slow.writableLength).toBeLessThan(1_100_000);
    release();
    await flushLogs();
    log.info("after");
    await flushLogs();
    const lines = slow.text.trimEnd().split("\n");
    const dropped = 201 - (lines.length - 2);
    expect(dropped).toBeGreaterThan(50);
    expect(JSON.parse(lines.at(-2) ?? "").message).toBe(`${dropped} log lines were dropped because nothing read them`);
    expect(JSON.parse(lines.at(-1) ?? "").message).toBe("after");
  });
});
