import type { Command } from "@commander-js/extra-typings";
import { createApi } from "../client/api.ts";
import { networkReason, UnreachableError } from "../client/errors.ts";
import type { Context } from "./context.ts";
import { ExitCode } from "./failure.ts";

/** Less than a container engine waits before it calls a check failed. */
const TIMEOUT_MS = 4_000;

/**
 * `health`: whether the server that runs with these same settings can do its work. For the health check of a container
 * or a service: it finds the server by PORT and HOST, needs no token and no other program.
 */
export function addHealthCommand(program: Command, context: Context): void {
  program
    .command("health")
    .description("check the server that has these settings (PORT, HOST), for health checks")
    .option("--json", "print JSON")
    .action(async ({ json }) => {
      const { loadConfig } = await import("../config.ts");
      const { host, port, tlsCert } = loadConfig(context.environment);
      const health = await (tlsCert === undefined
        ? createApi(`http://${localName(host)}:${port}`, { timeoutMs: TIMEOUT_MS }).ready()
        : readyOverTls(localName(host), port));
      if (json) context.output.json(health);
      else context.output.print(health.status);
      context.end(health.status === "ok" ? ExitCode.ok : ExitCode.failure);
    });
}

/** A server that listens everywhere listens on the loopback address too. IPv6 stands in brackets. */
function localName(host: string): string {
  const name = host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host;
  return name.includes(":") ? `[${name}]` : name;
}

async function readyOverTls(name: string, port: number): Promise<{ status: string }> {
  const url = `https://${name}:${port}`;
  const { ownStatus } = await import("../host/own-status.ts");
  try {
    return { status: (await ownStatus(`${url}/readyz`, TIMEOUT_MS)) === 200 ? "ok" : "unavailable" };
  } catch (error) {
    throw new UnreachableError(url, networkReason(String(error)));
  }
}
