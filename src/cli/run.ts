import { CommanderError } from "@commander-js/extra-typings";
import { ExitCode, explainFailure } from "./failure.ts";
import { processOutput } from "./output.ts";
import { createProgram } from "./program.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Runs one command line (without the program's own name) to its end.
 *
 * @param program what starts this program again, without arguments.
 * @returns the code to end the process with.
 */
export async function run(
  args: readonly string[],
  environment: Environment,
  program: readonly string[],
): Promise<ExitCode> {
  const output = processOutput(environment, (reason) => {
    // Nobody reads any more, as after `| head`: there is nothing left to do and nothing to complain about.
    if (reason === "gone") process.exit(ExitCode.ok);
    process.stderr.write("error: standard output is not being read; gave up\n");
    process.exit(ExitCode.failure);
  });
  let exitCode: ExitCode = ExitCode.ok;
  try {
    const commands = await createProgram(args, {
      output,
      environment,
      program,
      end: (code) => {
        exitCode = code;
      },
    });
    await commands.parseAsync(args, { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError) {
      // Help and version that were asked for end here as well; everything else was called the wrong way.
      exitCode = error.exitCode === 0 ? ExitCode.ok : ExitCode.usage;
    } else {
      const failure = explainFailure(error, environment.LOG_LEVEL === "debug");
      exitCode = failure.exitCode;
      for (const line of failure.lines) process.stderr.write(`${line}\n`);
    }
  }
  await output.flush();
  return exitCode;
}
