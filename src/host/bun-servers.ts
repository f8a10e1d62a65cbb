import type { TlsIdentity } from "./host.ts";

/** Where a server is to listen. */
export interface BunAddress {
  readonly hostname: string;
  readonly port: number;
  /** Whether another server of this user may listen on the same port, which then gets some of the connections. */
  readonly reusePort: boolean;
}

type Make<Data> = (address: BunAddress, tls: TlsIdentity | undefined) => Bun.Server<Data>;

/**
 * The one Bun server of an address; with TLS, also those before it.
 *
 * Bun cannot give a running server another certificate (`reload` ignores it). So a new server takes over the port, and the
 * one before accepts nobody any more and lives on for the connections it has. That takes a port that can be shared, which
 * is asked for only with TLS, and only once it is certain that nobody else has the port.
 */
export class BunServers<Data> {
  readonly #make: Make<Data>;
  readonly #address: BunAddress;
  /** The newest last; all of them hold connections. */
  readonly #servers: Bun.Server<Data>[];

  /** @throws whatever Bun throws when the address cannot be bound. */
  constructor(wanted: { hostname: string; port: number; tls?: TlsIdentity | undefined }, make: Make<Data>) {
    const { hostname, tls } = wanted;
    this.#make = make;
    let port = wanted.port;
    if (tls) {
      const alone = Bun.serve({ hostname, port, reusePort: false, fetch: () => new Response() });
      port = alone.port ?? port;
      void alone.stop(true);
    }
    const first = make({ hostname, port, reusePort: tls !== undefined }, tls);
    this.#address = { hostname, port: first.port ?? port, reusePort: tls !== undefined };
    this.#servers = [first];
  }

  get port(): number {
    return this.#address.port;
  }

  /** To every connection that is subscribed to `topic`, whichever server has it. */
  publish(topic: string, data: string, compress: boolean): void {
    for (const server of this.#servers) server.publish(topic, data, compress);
  }

  renew(tls: TlsIdentity): void {
    const before = this.#servers.at(-1);
    this.#servers.push(this.#make(this.#address, tls));
    void before?.stop(false).then(() => this.#servers.splice(this.#servers.indexOf(before), 1));
  }

  async close(deadlineMs: number): Promise<void> {
    const servers = [...this.#servers];
    const ended = Promise.all(servers.map((server) => server.stop(false)));
    let timer: ReturnType<typeof setTimeout> | undefined;
    const deadline = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, deadlineMs);
    });
    await Promise.race([ended, deadline]);
    clearTimeout(timer);
    await Promise.all(servers.map((server) => server.stop(true)));
  }
}
