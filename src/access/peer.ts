import ipaddr from "ipaddr.js";
import type { Peer } from "./caller.ts";

/** Longest chain of proxies that is followed; what claims to be longer is taken for what its last hops say. */
const MAX_HOPS = 32;

type Range = ReturnType<typeof ipaddr.parseCIDR>;

/**
 * Where a request really came from. `X-Forwarded-For` is what each proxy appends, so it is read from the right, and only
 * as far as one proxy we trust after another says so: whatever stands to the left of that, anybody can have written.
 */
export class TrustedProxies {
  readonly #ranges: readonly Range[];

  /** @param trusted addresses and ranges such as `10.0.0.0/8`, which the settings have checked. */
  constructor(trusted: readonly string[]) {
    this.#ranges = trusted.map((text) => {
      if (text.includes("/")) return ipaddr.parseCIDR(text);
      const address = ipaddr.process(text);
      return [address, address.kind() === "ipv4" ? 32 : 128] as Range;
    });
  }

  /** @param connection the address at the other end, and whether the connection to it is TLS. */
  peer(connection: { readonly address: string; readonly secure: boolean }, headers: Headers): Peer {
    if (!this.#trusts(connection.address)) return connection;
    const hops = (headers.get("x-forwarded-for") ?? "").split(",").slice(-MAX_HOPS);
    let { address } = connection;
    while (this.#trusts(address)) {
      const hop = plainHop(hops.pop());
      if (hop === undefined) break;
      address = hop;
    }
    const scheme = headers.get("x-forwarded-proto")?.split(",").at(-1)?.trim().toLowerCase();
    return { address, secure: scheme === undefined ? connection.secure : scheme === "https" };
  }

  #trusts(text: string): boolean {
    if (this.#ranges.length === 0 || !ipaddr.isValid(text)) return false;
    const address = ipaddr.process(text);
    return this.#ranges.some(([range, bits]) => range.kind() === address.kind() && address.match(range, bits));
  }
}

/** An address as a proxy wrote it, without the port and brackets that some add; undefined for what is none. */
function plainHop(text: string | undefined): string | undefined {
  const trimmed = text?.trim() ?? "";
  const bare = /^\[(.+)\](?::\d+)?$/.exec(trimmed)?.[1] ?? /^([\d.]+):\d+$/.exec(trimmed)?.[1] ?? trimmed;
  // `process` writes an IPv4 address that was mapped into IPv6 as what it is. Zones and short forms are no addresses here.
  return ipaddr.IPv4.isValidFourPartDecimal(bare) || ipaddr.IPv6.isValid(bare)
    ? ipaddr.process(bare).toString()
    : undefined;
}
