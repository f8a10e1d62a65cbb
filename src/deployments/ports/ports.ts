import type { Clock } from "../../clock.ts";
import { ProblemError } from "../../contract/index.ts";
import type { Ending } from "../drivers/driver.ts";

/** The ports that deployments get which ask for none, both ends included. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
}

/** A deployment that has a port of this machine, whether it runs or not: it can be started again where it was. */
export interface Reservation {
  readonly deploymentId: string;
  readonly name: string;
  readonly port: number;
}

export interface PortsParts {
  readonly range: PortRange;
  readonly reservations: () => Iterable<Reservation>;
  /** Who listens there, in words for people; undefined when nobody does. */
  readonly listener: (host: string, port: number) => Promise<string | undefined>;
  readonly clock: Clock;
}

/** What ended a moment ago may hold its port a little longer. */
const PATIENCE_MS = 2_000;
const POLL_MS = 250;
/** Ports that are tried in one start; a range that is taken by others more densely is no range for deployments. */
const MAX_TRIES = 20;

/** What a deployment asks for: a port of its own, or one that was chosen for it and can be another one. */
export interface PortWish {
  readonly deploymentId: string;
  readonly host: string;
  readonly port: number | null;
  readonly portChosen: boolean;
}

/** The ports of this machine, as far as deployments are concerned. */
export class Ports {
  readonly #parts: PortsParts;
  /** Where the next search begins, so that a port which was just given up is not handed out at once. */
  #next: number;

  constructor(parts: PortsParts) {
    this.#parts = parts;
    this.#next = parts.range.first;
  }

  /**
   * A port of the range that no deployment has and that is not in `avoid`. Whether others listen there is not known yet.
   *
   * @throws ProblemError `in_use` when there is none.
   */
  choose(avoid: ReadonlySet<number> = new Set()): number {
    const { first, last } = this.#parts.range;
    const reserved = new Set([...this.#parts.reservations()].map(({ port }) => port));
    const size = last - first + 1;
    for (let i = 0; i < size; i++) {
      const port = first + ((this.#next - first + i) % size);
      if (reserved.has(port) || avoid.has(port)) continue;
      this.#next = port + 1;
      return port;
    }
    const detail = `No port is left of ${first} to ${last}, which PORT_RANGE says; remove deployments or widen it.`;
    throw new ProblemError("in_use", detail, [{ field: "port", message: "give one, as none is left to choose" }]);
  }

  /** @throws ProblemError `in_use`, naming the other deployment that has this port. */
  assertNotReserved(port: number): void {
    for (const { deploymentId, name, port: reserved } of this.#parts.reservations()) {
      if (reserved === port) throw taken(port, `deployment ${deploymentId} (${name})`);
    }
  }

  /** @throws ProblemError `in_use`, naming who listens there. */
  async assertFree(host: string, port: number): Promise<void> {
    this.assertNotReserved(port);
    const listener = await this.#parts.listener(host, port);
    if (listener !== undefined) throw taken(port, listener);
  }

  /** A port on which the deployment can start now: its own or, if it was only chosen for it, another one; or why not. */
  async find({ host, port, portChosen }: PortWish): Promise<number | Ending> {
    const avoid = new Set<number>();
    let candidate = port ?? this.choose();
    for (;;) {
      const listener = await this.#listenerAfterAll(host, candidate);
      if (listener === undefined) return candidate;
      const reason = `port ${candidate} on ${host} is taken by ${listener}`;
      if (!portChosen) return { reason, hint: "End what listens there, or deploy on another port." };
      avoid.add(candidate);
      if (avoid.size >= MAX_TRIES) return { reason, hint: "Set PORT_RANGE to ports that nothing else uses." };
      candidate = this.choose(avoid);
    }
  }

  async #listenerAfterAll(host: string, port: number): Promise<string | undefined> {
    const { clock, listener } = this.#parts;
    for (let waited = 0; ; waited += POLL_MS) {
      const who = await listener(host, port);
      if (who === undefined || waited >= PATIENCE_MS) return who;
      await new Promise<void>((resolve) => clock.after(POLL_MS, resolve));
    }
  }
}

function taken(port: number, by: string): ProblemError {
  return new ProblemError("in_use", `Port ${port} is taken by ${by}.`, [
    { field: "port", message: `is taken by ${by}; leave it out to have a free one chosen` },
  ]);
}

/** Python, libuv, llama.cpp, Go and the Docker Engine, in this order. */
const ADDRESS_IN_USE =
  /address already in use|EADDRINUSE|couldn't bind (?:HTTP )?server socket|bind: address|port is already allocated/i;

/** Whether an engine ended because somebody else had taken its port between the look and its start. */
export function lostRace({ reason, lastLines = [] }: Ending): boolean {
  return ADDRESS_IN_USE.test(reason) || lastLines.some((line) => ADDRESS_IN_USE.test(line));
}
