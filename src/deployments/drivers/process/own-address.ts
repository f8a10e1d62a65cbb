import { hostname, networkInterfaces } from "node:os";

/** Listens on every address of the machine. */
const EVERYWHERE = ["0.0.0.0", "::"];

/** What is wrong with `host` as the address that a process of this machine listens on, for people; undefined if nothing. */
export function addressError(host: string): string | undefined {
  if (host === "localhost" || host === "::1" || host === hostname() || EVERYWHERE.includes(host)) return undefined;
  if (/^127(?:\.[0-9]{1,3}){3}$/.test(host)) return undefined;
  const own = Object.values(networkInterfaces()).flatMap((addresses) => addresses?.map(({ address }) => address) ?? []);
  if (own.includes(host)) return undefined;
  return `must be an address of this machine, as the engine listens there: localhost, ${EVERYWHERE.join(", ")}, ${own.join(", ")}`;
}
