import type { Command } from "@commander-js/extra-typings";
import { createApi } from "../client/api.ts";
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
      const { host, port } = loadConfig(context.environment);
      const health = await createApi(localUrl(host, port), { timeoutMs: TIMEOUT_MS }).ready();
      if (json) context.output.json(health);
      else context.output.print(health.status);
      context.end(health.status === "ok" ? ExitCode.ok : ExitCode.failure);
    });
}

/** A server that listens everywhere listens on the loopback address too. */
function localUrl(host: string, port: number): string {
  const name = host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host;
  return `http://${name.includes(":") ? `[${name}]` : name}:${port}`;
}
