import { lookup } from "node:dns/promises";
import ipaddr from "ipaddr.js";
import { DeliveryError } from "./notifier.ts";

const IPV4_COMPATIBLE = ipaddr.parseCIDR("::/96");

/** Resolves a name to its addresses; rejects when there are none. */
export type Resolve = (name: string) => Promise<readonly string[]>;

/** As every other program on this machine resolves names, its hosts file included. */
export async function systemResolve(name: string): Promise<readonly string[]> {
  return (await lookup(name, { all: true })).map(({ address }) => address);
}

/**
 * Which addresses channels may send to.
 *
 * Whoever can add a channel makes this server call out, from inside a network that the caller may not be in. So what is
 * not a public address is refused unless the operator allowed it: loopback, private, link-local with the metadata
 * services of clouds, carrier-grade NAT, and IPv6's forms of them. The check is made on what a name resolves to, and the
 * connection goes to the very address that was checked.
 */
export class Addresses {
  readonly #resolve: Resolve;
  readonly #all: boolean;
  readonly #names: ReadonlySet<string>;
  readonly #ranges: readonly (readonly [ipaddr.IPv4 | ipaddr.IPv6, number])[];

  /** @param allowed `on`, names, addresses and ranges; see `NOTIFY_ALLOW_PRIVATE`. */
  constructor(allowed: readonly string[], resolve: Resolve) {
    this.#resolve = resolve;
    this.#all = allowed.includes("on");
    const ranges = allowed.filter((item) => item.includes("/")).map((range) => ipaddr.parseCIDR(range));
    const single = allowed.filter((item) => ipaddr.isValid(item)).map((text) => ipaddr.parse(text));
    this.#ranges = [...ranges, ...single.map((address) => [address, address.toByteArray().length * 8] as const)];
    this.#names = new Set(allowed);
  }

  /**
   * The addresses of `host` that may be called, in the order they were resolved.
   *
   * @param host a name, or an address with or without the brackets that IPv6 has in URLs.
   * @throws DeliveryError when it has none, or none that is allowed.
   */
  async of(host: string): Promise<readonly [string, ...string[]]> {
    const name = host.replace(/^\[|\]$/g, "").toLowerCase();
    let found: readonly string[];
    try {
      found = ipaddr.isValid(name) ? [name] : await this.#resolve(name);
    } catch (error) {
      const code = error instanceof Error && "code" in error ? ` (${error.code})` : "";
      throw new DeliveryError(`The name ${name} cannot be resolved${code}`);
    }
    const named = this.#names.has(name);
    const [first, ...others] = found.filter((address) => named || this.#allows(address));
    if (first === undefined) {
      const which = found[0] === name ? "" : ` (${found[0] ?? "nowhere"})`;
      throw new DeliveryError(`${name}${which} is not a public address; NOTIFY_ALLOW_PRIVATE can allow it`);
    }
    return [first, ...others];
  }

  #allows(text: string): boolean {
    if (!ipaddr.isValid(text)) return false;
    // ::ffff:10.0.0.1 is 10.0.0.1.
    const address = ipaddr.process(text);
    const range = address.range();
    // ::127.0.0.1, the old way of writing an IPv4 address as one of version 6, is public in the library's eyes.
    const disguised = address.kind() === "ipv6" && address.match(IPV4_COMPATIBLE);
    if (range === "unicast" && !disguised) return true;
    if (this.#ranges.some(([network, bits]) => network.kind() === address.kind() && address.match(network, bits))) {
      return true;
    }
    // Metadata services live on link-local addresses: they hold a machine's credentials, so `on` alone is not enough.
    return this.#all && ["private", "loopback", "uniqueLocal", "carrierGradeNat"].includes(range) && !isMetadata(text);
  }
}

/** AWS's metadata service over IPv6 has a unique local address, Alibaba's one in the carrier-grade NAT range. */
function isMetadata(text: string): boolean {
  const address = ipaddr.process(text).toNormalizedString();
  return address === "fd00:ec2:0:0:0:0:0:254" || address === "100.100.100.200";
}
