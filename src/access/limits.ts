import ipaddr from "ipaddr.js";
import { TokenBucket } from "limiter";
import type { Config } from "../config.ts";
import { ProblemError } from "../contract/index.ts";

/** Callers that are remembered at a time; beyond that the one who was quiet longest starts anew with a full bucket. */
const MAX_KEYS = 10_000;

/** Seconds' worth that may be used at once by who was quiet before: pages and scripts come in bursts. */
const BURST_SECONDS = 10;

/** An IPv6 customer has a whole network of this many bits, so addresses in it are one caller. */
const IPV6_CUSTOMER_BITS = 64;

type Rates = Pick<
  Config,
  "httpRequestsPerSecond" | "socketHandshakesPerSecond" | "socketConnections" | "socketConnectionsPerAddress"
>;

/**
 * What one address or one token may ask of this server, however many others there are: nobody is locked out by what
 * somebody else does, except at the total of connections.
 */
export class Limits {
  readonly #rates: Rates;
  readonly #requests: Buckets;
  readonly #handshakes: Buckets;
  /** Open Socket.IO connections of each address that has any. */
  readonly #connections = new Map<string, number>();
  #total = 0;

  constructor(rates: Rates) {
    this.#rates = rates;
    this.#requests = new Buckets(rates.httpRequestsPerSecond);
    this.#handshakes = new Buckets(rates.socketHandshakesPerSecond);
  }

  /** @throws ProblemError `rate_limited` when `who`, an address or a caller's id, has used up its requests. */
  request(who: string): void {
    const limit = this.#rates.httpRequestsPerSecond;
    if (this.#requests.take(keyOf(who))) return;
    throw new ProblemError("rate_limited", `More than ${limit} requests a second; try again in a second.`);
  }

  /** @returns what is wrong when `address` begins connections too fast. */
  handshake(address: string): ProblemError | undefined {
    if (this.#handshakes.take(keyOf(address))) return undefined;
    const limit = this.#rates.socketHandshakesPerSecond;
    return new ProblemError("rate_limited", `More than ${limit} new connections a second; try again in a second.`);
  }

  /** @returns what is wrong when another connection from `address` would be one too many. */
  connection(address: string): ProblemError | undefined {
    const { socketConnections, socketConnectionsPerAddress } = this.#rates;
    if (this.#total >= socketConnections) {
      return new ProblemError("unavailable", `The server has ${socketConnections} connections, and takes no more.`);
    }
    if ((this.#connections.get(keyOf(address)) ?? 0) < socketConnectionsPerAddress) return undefined;
    const detail = `There are ${socketConnectionsPerAddress} connections from this address, and no more are taken.`;
    return new ProblemError("rate_limited", detail);
  }

  /** Counts a connection until it is disposed. */
  connected(address: string): Disposable {
    const key = keyOf(address);
    this.#total++;
    this.#connections.set(key, (this.#connections.get(key) ?? 0) + 1);
    return {
      [Symbol.dispose]: () => {
        this.#total--;
        const left = (this.#connections.get(key) ?? 0) - 1;
        if (left > 0) this.#connections.set(key, left);
        else this.#connections.delete(key);
      },
    };
  }
}

/** A token bucket for each key, in the order they were used last. */
class Buckets {
  readonly #perSecond: number;
  readonly #buckets = new Map<string, TokenBucket>();

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
  }

  take(key: string): boolean {
    const bucket = this.#buckets.get(key) ?? this.#full();
    this.#buckets.delete(key);
    this.#buckets.set(key, bucket);
    if (this.#buckets.size > MAX_KEYS) this.#buckets.delete(this.#buckets.keys().next().value ?? "");
    return bucket.tryRemoveTokens(1);
  }

  #full(): TokenBucket {
    const bucketSize = this.#perSecond * BURST_SECONDS;
    const bucket = new TokenBucket({ bucketSize, tokensPerInterval: this.#perSecond, interval: "second" });
    // They start empty in this library.
    bucket.content = bucketSize;
    return bucket;
  }
}

/** What is one caller: an IPv4 address, an IPv6 customer's network, or whatever else names somebody. */
function keyOf(who: string): string {
  if (!ipaddr.IPv6.isValid(who)) return who;
  const bytes = ipaddr.IPv6.parse(who).toByteArray();
  return bytes.slice(0, IPV6_CUSTOMER_BITS / 8).join(".");
}
