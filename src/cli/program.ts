import { Command } from "@commander-js/extra-typings";
import manifest from "../../package.json" with { type: "json" };
import { addActivitiesCommands } from "./activities.ts";
import { addAlertsCommands } from "./alerts.ts";
import { addBackupCommands } from "./backup.ts";
import { addChannelsCommands } from "./channels.ts";
import { COMMON_OPTIONS, type Context } from "./context.ts";
import { addDeploymentsCommands } from "./deployments.ts";
import { UsageError } from "./failure.ts";
import { addHealthCommand } from "./health.ts";
import { addLogsCommand } from "./logs.ts";
import { addModelsCommands } from "./models.ts";
import { addStatusCommands } from "./status.ts";
import { DEFAULT_COLUMNS } from "./text.ts";
import { addTokenCommands } from "./tokens.ts";
import { addWatchCommand } from "./watch-command.ts";

/**
 * The whole command line. What a command needs to run is loaded when it runs, so that `serve` does not wait for the
 * client's code, nor a client for the server's.
 */
export async function createProgram(args: readonly string[], context: Context): Promise<Command> {
  const program: Command = new Command("llm-manager")
    .description(manifest.description)
    .version(manifest.version, "-V, --version", "show the version")
    .helpOption("-h, --help", "show this help")
    .helpCommand("help [command]", "show the help of a command")
    .showSuggestionAfterError()
    .configureHelp({
      // A command's own options before those that all of them have.
      groupItems: (_, items, group) =>
        new Map(
          [...Map.groupBy(items, group)].sort(
            ([a], [b]) => Number(a === COMMON_OPTIONS) - Number(b === COMMON_OPTIONS),
          ),
        ),
    })
    .exitOverride();
  program.addHelpText(
    "after",
    "\nWithout a command, serve. The other commands talk to a server, by default\nthe one at http://127.0.0.1:5000.",
  );

  const serve = program
    .command("serve", { isDefault: true })
    .description("start the server")
    .option("-p, --port <port>", "port to listen on (PORT)")
    .option("--host <address>", "address to listen on (HOST)")
    .option("-d, --data-dir <directory>", "directory of the database (DATA_DIR)")
    .option("-c, --config <file>", "TOML file with settings (CONFIG_FILE)")
    .option("--json", "print one JSON line about the server when it is up, and log JSON")
    .allowExcessArguments()
    .action(async (options, { args: [unexpected] }) => {
      // A first word that is no command comes here, since serve is the default.
      if (unexpected !== undefined) {
        throw new UsageError(`there is no command ${unexpected}; see: llm-manager --help`);
      }
      const { serve } = await import("./serve.ts");
      context.end(await serve({ ...options, version: manifest.version }, context));
    });
  if (args.some((arg) => arg === "-h" || arg === "--help" || arg === "help")) {
    const settings = await settingsText(program, context.output.columns());
    serve.addHelpText("after", settings);
    program.addHelpText("after", settings);
  }

  addWatchCommand(program, context);
  addModelsCommands(program, context);
  addDeploymentsCommands(program, context);
  addLogsCommand(program, context);
  addActivitiesCommands(program, context);
  addAlertsCommands(program, context);
  addChannelsCommands(program, context);
  addStatusCommands(program, context);
  addBackupCommands(program, context);
  addTokenCommands(program, context);
  addHealthCommand(program, context);
  return program;
}

async function settingsText(program: Command, columns: number | undefined): Promise<string> {
  const { settingsHelp } = await import("../config.ts");
  const help = program.createHelp();
  help.prepareContext({ helpWidth: columns ?? DEFAULT_COLUMNS });
  const width = Math.max(...settingsHelp.map(({ name }) => name.length));
  const lines = settingsHelp.map(({ name, fallback, text }) =>
    help.formatItem(name, width, fallback === "" ? text : `${text} (default: ${fallback})`, help),
  );
  return `\nSettings, from the environment or, in lower case, from the file:\n${lines.join("\n")}`;
}
