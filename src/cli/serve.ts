import type { Logger } from "@logtape/logtape";
import { type Config, loadConfig } from "../config.ts";
import { configureLogging, flushLogs, looksPretty } from "../logging.ts";
import type { RunningServer } from "../server.ts";
import type { Context } from "./context.ts";
import { ExitCode } from "./failure.ts";
import { painter } from "./text.ts";

export interface ServeOptions {
  readonly port?: string | undefined;
  readonly host?: string | undefined;
  readonly dataDir?: string | undefined;
  readonly config?: string | undefined;
  readonly json?: true | undefined;
  readonly version: string;
}

/** What ends a server. */
type Ending = { readonly reason: string; readonly exitCode: ExitCode };

/**
 * Starts the server and keeps it up until a signal or a fatal fault ends it.
 *
 * @throws ConfigError, DataDirectoryError, ListenError
 */
export async function serve(options: ServeOptions, { output, environment, program }: Context): Promise<ExitCode> {
  const config = loadConfig(withOptions(environment, options));
  const log = configureLogging({ level: config.logLevel, format: config.logFormat });
  const { promise: ending, resolve: end } = Promise.withResolvers<Ending>();
  watchSignals(end);
  watchFaults(log, end);

  const { startServer } = await import("../server.ts");
  const server = await startServer({ config, log, program });
  announce(server, config, options, output, environment, log);

  const { reason, exitCode } = await ending;
  log.info("Stopping: {reason}", { reason });
  const stopped = await stopInTime(server, config.shutdownDeadlineMs);
  if (!stopped) log.error("Not everything ended within {ms} ms", { ms: config.shutdownDeadlineMs });
  else log.info("Stopped");
  await flushLogs();
  return stopped ? exitCode : ExitCode.failure;
}

/** Options win over the environment, which wins over the file. */
function withOptions(environment: Context["environment"], options: ServeOptions): Context["environment"] {
  return {
    ...environment,
    ...(options.port !== undefined && { PORT: options.port }),
    ...(options.host !== undefined && { HOST: options.host }),
    ...(options.dataDir !== undefined && { DATA_DIR: options.dataDir }),
    ...(options.config !== undefined && { CONFIG_FILE: options.config }),
    ...(options.json && { LOG_FORMAT: "json" }),
  };
}

function watchSignals(end: (ending: Ending) => void): void {
  let signals = 0;
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, () => {
      signals++;
      // Whoever asks twice does not want to wait for an orderly end.
      if (signals > 1) process.exit(ExitCode.failure);
      end({ reason: signal, exitCode: ExitCode.ok });
    });
  }
}

/**
 * A bug must not go unseen, and must not take more down than it has to.
 *
 * A rejected promise that nobody waits for leaves the rest of the program in a known state: one task is lost, so it is
 * logged and the server goes on. An exception that nobody caught has cut off some other code at an arbitrary point;
 * what that left behind is unknown, so the server ends, orderly, and whatever supervises it starts it anew.
 */
function watchFaults(log: Logger, end: (ending: Ending) => void): void {
  process.on("unhandledRejection", (error) => {
    log.error("Bug: a rejected promise was not handled: {error}", { error });
  });
  process.on("uncaughtException", (error) => {
    log.fatal("Bug: an exception was not caught: {error}", { error });
    end({ reason: "an exception was not caught", exitCode: ExitCode.failure });
  });
}

/** Tells a person, or a program, where the server is. The log alone is told nothing secret. */
function announce(
  server: RunningServer,
  config: Config,
  options: ServeOptions,
  output: Context["output"],
  environment: Context["environment"],
  log: Logger,
): void {
  const { url, generatedToken } = server;
  const facts = {
    version: options.version,
    url,
    port: server.port,
    ...(server.redirectPort !== undefined && { redirect_port: server.redirectPort }),
    data_dir: config.dataDir,
  };
  if (options.json) {
    output.json({ ...facts, ...(generatedToken !== undefined && { generated_token: generatedToken }) }, true);
  } else if (looksPretty(config.logFormat, process.stderr)) {
    const paint = painter(process.stderr, environment);
    const lines = [
      "",
      `  ${paint("bold", "llm-manager")} ${options.version}`,
      "",
      `  ${paint("dim", "url")}    ${paint("cyan", url)}`,
      `  ${paint("dim", "data")}   ${config.dataDir}`,
      ...(generatedToken === undefined
        ? []
        : [
            `  ${paint("dim", "token")}  ${paint("yellow", generatedToken)}`,
            paint("dim", "         Callers must send it. It is shown only now."),
          ]),
      "",
      paint("dim", "  press ctrl-c to stop"),
      "",
    ];
    // Beside the log, so that both are seen in the order in which they were written.
    process.stderr.write(`${lines.join("\n")}\n`);
    return;
  } else if (generatedToken !== undefined) {
    output.print(`Token for the API, shown only now: ${generatedToken}`);
  }
  log.info("Listening on {url}", facts);
}

/** @returns false when the server was not down by the deadline. */
async function stopInTime(server: RunningServer, deadlineMs: number): Promise<boolean> {
  const { promise: late, resolve } = Promise.withResolvers<false>();
  // `stop` keeps the deadline itself for open work; a second on top is for what follows, such as closing the database.
  const timer = setTimeout(() => resolve(false), deadlineMs + 1_000);
  const stopped = server.stop().then(() => true as const);
  return Promise.race([stopped, late]).finally(() => clearTimeout(timer));
}
