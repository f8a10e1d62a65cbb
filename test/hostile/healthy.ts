import { connectClient, type TestClient } from "../socket-client.ts";

/** What a client that behaves has seen while others did not. */
export interface Seen {
  /** Events of `activity_stream` that were committed and did not come, came twice, or in another order. */
  readonly gaps: number;
  readonly events: number;
  /** How far apart from 2 s two ticks of `system_resources` were at most, in 99 of 100 cases. Milliseconds. */
  readonly p99Ms: number;
  readonly ticks: number;
  readonly disconnects: number;
}

const TICK_MS = 2_000;

/** Subscribes to a state and an event stream, and looks at every message until {@link HealthyClient.seen}. */
export class HealthyClient implements Disposable {
  readonly #client: TestClient;
  readonly #ticks: number[] = [];
  readonly #seqs: number[] = [];
  #first = 0;
  #disconnects = 0;

  private constructor(client: TestClient) {
    this.#client = client;
    client.socket.on("system_resources_update", () => this.#ticks.push(performance.now()));
    client.socket.on("activity_stream", ({ seq }: { seq: number }) => this.#seqs.push(seq));
    client.socket.on("disconnect", () => this.#disconnects++);
  }

  static async connect(url: string): Promise<HealthyClient> {
    const client = await connectClient(url, "websocket");
    const healthy = new HealthyClient(client);
    healthy.#first = (await client.ask("subscribe_activity_stream")).seq;
    await client.ask("subscribe_system_resources");
    await client.next("system_resources_update");
    healthy.#ticks.length = 0;
    return healthy;
  }

  /** @param lastSeq the newest event that was committed; waits until it has come. */
  async seen(lastSeq: number): Promise<Seen> {
    await this.#client.next("activity_stream", ({ seq }) => seq === lastSeq);
    const gaps = this.#seqs.filter((seq, i) => seq !== this.#first + 1 + i).length;
    const apart = this.#ticks.slice(1).map((at, i) => Math.abs(at - (this.#ticks[i] ?? at) - TICK_MS));
    apart.sort((a, b) => a - b);
    return {
      gaps,
      events: this.#seqs.length,
      p99Ms: apart[Math.min(apart.length - 1, Math.floor(apart.length * 0.99))] ?? 0,
      ticks: this.#ticks.length,
      disconnects: this.#disconnects,
    };
  }

  [Symbol.dispose](): void {
    this.#client[Symbol.dispose]();
  }
}
