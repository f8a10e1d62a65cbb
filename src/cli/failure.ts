import { ApiError, UnauthorizedError, UnreachableError } from "../client/errors.ts";

/** What the process tells whoever started it. */
export const ExitCode = { ok: 0, failure: 1, usage: 2 } as const;
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

/** The command was called in a way that cannot work; `message` is one line. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** The command could not do what it was told; `message` is one line. */
export class CommandError extends Error {
  override readonly name = "CommandError";
}

/** An error as a person reads it, and the exit code it ends the process with. */
export interface Failure {
  readonly lines: readonly string[];
  readonly exitCode: ExitCode;
}

/**
 * Errors whose message says all there is to say. By name, so that a command need not load the server's code to find
 * out that nothing of it went wrong.
 */
const EXPECTED: Readonly<Record<string, ExitCode>> = {
  UsageError: ExitCode.usage,
  ConfigError: ExitCode.usage,
  CertificateError: ExitCode.usage,
  CommandError: ExitCode.failure,
  DataDirectoryError: ExitCode.failure,
  BackupError: ExitCode.failure,
  ListenError: ExitCode.failure,
  ProblemError: ExitCode.failure,
  StorageError: ExitCode.failure,
  SubscriptionRefusedError: ExitCode.failure,
  UnexpectedAnswerError: ExitCode.failure,
};

/**
 * What to print for `error`.
 *
 * @param debug adds the stack.
 */
export function explainFailure(error: unknown, debug: boolean): Failure {
  const failure = explain(error);
  if (!debug || !(error instanceof Error)) return failure;
  return { ...failure, lines: [...failure.lines, error.stack ?? ""] };
}

function explain(error: unknown): Failure {
  if (!(error instanceof Error)) return { lines: [`error: ${String(error)}`], exitCode: ExitCode.failure };
  const expected = EXPECTED[error.name];
  if (expected !== undefined) return { lines: [`error: ${error.message}`], exitCode: expected };
  if (error instanceof UnreachableError) return fail(`${error.message}. ${adviceFor(error.url)}`);
  if (error instanceof UnauthorizedError)
    return fail("the server wants a valid token; pass it with --token or LLM_MANAGER_TOKEN");
  if (error instanceof ApiError) {
    const fields = error.problem.errors?.map(({ field, message }) => `  ${field}: ${message}`) ?? [];
    return { lines: [`error: ${error.message}`, ...fields], exitCode: ExitCode.failure };
  }
  return fail(`${error.message || error.name} (unexpected; LOG_LEVEL=debug shows where)`);
}

function adviceFor(url: string): string {
  const name = URL.parse(url)?.hostname ?? "";
  const here = name === "localhost" || name === "[::1]" || name.startsWith("127.");
  return here ? "Is it running? Start it with: llm-manager serve" : "Is it running, and is that its address?";
}

function fail(message: string): Failure {
  return { lines: [`error: ${message}`], exitCode: ExitCode.failure };
}
