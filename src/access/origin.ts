import { z } from "zod";

export interface HostRules {
  /** Names, lower case and without port, under which this server may be called besides addresses and localhost. */
  readonly hostNames: readonly string[];
  /** Origins of other pages that may call; `*` stands for all. */
  readonly origins: readonly string[];
}

/**
 * Whether a request that says it is for `host` may be served.
 *
 * A page from elsewhere can make its own name resolve to this machine and so become "same origin" with the server (DNS
 * rebinding), but it cannot make the browser send another name than its own. Addresses are no names, so they are safe.
 */
export function hostAllowed(host: string | null, rules: HostRules): boolean {
  const name = host === null ? undefined : hostName(host);
  if (name === undefined) return false;
  if (name === "localhost" || name.endsWith(".localhost")) return true;
  return address.safeParse(name).success || rules.hostNames.includes(name);
}

/**
 * Whether a request from a page at `origin` may be served. Programs send no Origin; the server's own page sends the one
 * that `host` names, behind a proxy also with https.
 */
export function originAllowed(origin: string | null, host: string | null, rules: HostRules): boolean {
  if (origin === null) return true;
  if (rules.origins.includes("*") || rules.origins.includes(origin)) return true;
  const url = URL.parse(origin);
  if (!url || host === null || (url.protocol !== "http:" && url.protocol !== "https:")) return false;
  const own = URL.parse(`${url.protocol}//${host}`);
  return own !== null && own.host === url.host;
}

const address = z.union([z.ipv4(), z.ipv6()]);

/** `name:port`, `1.2.3.4:port` or `[::1]:port` without port and brackets, in lower case; undefined for anything else. */
function hostName(host: string): string | undefined {
  const match = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::[0-9]{1,5})?$/i.exec(host);
  return (match?.[1] ?? match?.[2])?.toLowerCase();
}
