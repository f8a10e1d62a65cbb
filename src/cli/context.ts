import { Command, Option } from "@commander-js/extra-typings";
import { type Api, createApi } from "../client/api.ts";
import { type ExitCode, UsageError } from "./failure.ts";
import type { Output } from "./output.ts";

/** What every command gets from the process it runs in. */
export interface Context {
  readonly output: Output;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The command line of this program, without its arguments. */
  readonly program: readonly string[];
  /** Sets the exit code of a command that ended without an error. */
  readonly end: (code: ExitCode) => void;
}

/** The server that a client command talks to. */
export interface Session {
  readonly url: string;
  readonly token: string | undefined;
  readonly api: Api;
  readonly output: Output;
  /** Whether the result is for a program. */
  readonly json: boolean;
}

const DEFAULT_URL = "http://127.0.0.1:5000";

/** Heading under which `--help` lists the options that every client command has. */
export const COMMON_OPTIONS = "Common options:";

interface ServerOptions {
  readonly json?: true | undefined;
  readonly url?: string | undefined;
  readonly token?: string | undefined;
}

/** A command that talks to a server, with the options all of them have. */
export function clientCommand(parent: Command, nameAndArgs: string, description: string) {
  const command = new Command(nameAndArgs)
    .copyInheritedSettings(parent)
    .description(description)
    .addOption(new Option("--json", "print JSON").helpGroup(COMMON_OPTIONS))
    .addOption(new Option("--url <url>", `the server (LLM_MANAGER_URL, or ${DEFAULT_URL})`).helpGroup(COMMON_OPTIONS))
    .addOption(new Option("--token <token>", "its token (LLM_MANAGER_TOKEN, or AUTH_TOKEN)").helpGroup(COMMON_OPTIONS));
  parent.addCommand(command);
  return command;
}

/** A command that only holds others. */
export function groupCommand(parent: Command, name: string, description: string): Command {
  return parent.command(name).description(description);
}

/** @throws UsageError when the URL is none. */
export function openSession(options: ServerOptions, { output, environment }: Context): Session {
  const url = options.url || environment.LLM_MANAGER_URL || DEFAULT_URL;
  const parsed = URL.parse(url);
  if (parsed?.protocol !== "http:" && parsed?.protocol !== "https:") {
    throw new UsageError(`${url} is not a server's URL; it must look like ${DEFAULT_URL}`);
  }
  const token = options.token || environment.LLM_MANAGER_TOKEN || environment.AUTH_TOKEN || undefined;
  const base = url.replace(/\/+$/, "");
  return { url: base, token, api: createApi(base, { token }), output, json: options.json === true };
}
