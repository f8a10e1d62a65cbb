import type { Config } from "../config.ts";

/** Whether who shows nothing may call: only from this machine, and only where nothing says that others are meant to. */
export function isOpen(config: Pick<Config, "host" | "authToken" | "trustedProxies" | "oidcIssuer">): boolean {
  const { host, authToken, trustedProxies, oidcIssuer } = config;
  return authToken === undefined && oidcIssuer === undefined && trustedProxies.length === 0 && isLoopback(host);
}

export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host === "[::1]" || /^127(\.[0-9]{1,3}){3}$/.test(host);
}
