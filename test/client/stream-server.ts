import { once } from "node:events";
import { createServer } from "node:http";
import { Server } from "socket.io";
import type { EventStreamName, SubscriptionAck, SubscriptionError } from "../../src/contract/index.ts";

type Answer = (answer: SubscriptionAck | SubscriptionError) => void;
interface Logged {
  readonly event_type: EventStreamName;
  readonly timestamp: string;
  readonly data: { readonly id: string; readonly message: string };
  readonly seq: number;
}

/**
 * A small Socket.IO server with one event stream, one state stream, and the subscription rules of decisions.md; what
 * the client package needs to be tested against without the server of this repository.
 */
export class StreamServer implements AsyncDisposable {
  readonly #http = createServer();
  readonly io: Server;
  /** The history of `activity_stream`; `seq` is the index + 1. */
  readonly history: Logged[] = [];
  /** Every request as it came in. */
  readonly requests: { readonly event: string; readonly after: unknown }[] = [];
  /** Checked against the handshake's token where it is set. */
  token: string | undefined;
  /** How many subscriptions fail from here on, after they were acknowledged. */
  failures = 0;
  /** Runs between two events of a replay. */
  duringReplay: ((seq: number) => Promise<void>) | undefined;
  #samples = 0;

  constructor(options: { readonly recovery?: boolean } = {}) {
    this.io = new Server(this.#http, options.recovery ? { connectionStateRecovery: { skipMiddlewares: false } } : {});
    this.io.use((socket, next) => {
      if (this.token === undefined || socket.handshake.auth.token === this.token) return next();
      next(Object.assign(new Error("refused"), { data: { code: "unauthorized", detail: "Send the right token." } }));
    });
    this.io.on("connection", (socket) => {
      const ack = (event_type: SubscriptionAck["event_type"], seq?: number): SubscriptionAck => ({
        event_type,
        message: "ok",
        session_id: `client_${socket.id}`,
        ...(seq !== undefined && { seq }),
      });
      socket.onAny((event: string, ...args: unknown[]) => {
        const options = args.find((arg): arg is { after?: unknown } => typeof arg === "object" && arg !== null);
        this.requests.push({ event, after: options?.after });
      });
      socket.on("subscribe_activity_stream", async (...args: [Answer] | [{ after: number }, Answer]) => {
        const [options, answer] = args.length === 1 ? [undefined, args[0]] : args;
        if (options !== undefined && options.after > this.history.length) {
          const error = { event_type: "activity_stream", code: "unknown_id", message: "no such event" } as const;
          socket.emit("subscription_error", error);
          answer(error);
          return;
        }
        const start = options?.after ?? this.history.length;
        const accepted = ack("activity_stream", start);
        socket.emit("subscribed", accepted);
        answer(accepted);
        if (socket.rooms.has("activity_stream")) return;
        if (this.failures > 0) {
          this.failures--;
          const error = { event_type: "activity_stream", code: "internal_error", message: "The disk failed." } as const;
          socket.emit("subscription_error", error);
          return;
        }
        for (let next = start; next < this.history.length; next++) {
          socket.emit("activity_stream", { ...this.history[next], replayed: true });
          await this.duringReplay?.(next + 1);
        }
        socket.join("activity_stream");
      });
      socket.on("unsubscribe_activity_stream", () => socket.leave("activity_stream"));
      socket.on("subscribe_system_resources", (answer: Answer) => {
        answer(ack("system_resources"));
        socket.emit("system_resources_update", { event_type: "system_resources_update", data: ++this.#samples });
        socket.join("system_resources");
      });
      socket.on("subscribe_system_alerts", (answer: Answer) =>
        answer({
          event_type: "system_alerts",
          code: "forbidden",
          message: "Not yours.",
          valid_events: ["subscribe_all"],
        }),
      );
    });
  }

  get url(): string {
    const address = this.#http.address();
    if (address === null || typeof address === "string") throw new Error("not listening");
    return `http://127.0.0.1:${address.port}`;
  }

  async listen(port = 0): Promise<this> {
    this.#http.listen(port, "127.0.0.1");
    await once(this.#http, "listening");
    return this;
  }

  /** Commits one event and pushes it. */
  write(): void {
    const seq = this.history.length + 1;
    const data = { id: `act-${seq}`, message: `event ${seq}` };
    const event: Logged = { event_type: "activity_stream", timestamp: new Date().toISOString(), data, seq };
    this.history.push(event);
    this.io.to("activity_stream").emit("activity_stream", event);
  }

  /** Cuts every connection as a failing network does: nobody is told. */
  cut(): void {
    for (const socket of this.io.sockets.sockets.values()) socket.conn.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.io.close();
  }
}
