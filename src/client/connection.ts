import { io, type ManagerOptions, type Socket, type SocketOptions } from "socket.io-client";
import type {
  EventStreamName,
  ReplayOptions,
  StateStreamName,
  StreamName,
  SubscriptionAck,
  SubscriptionError,
} from "../contract/streams.ts";
import { ClientClosedError, SubscriptionRefusedError, UnauthorizedError } from "./errors.ts";
import { Listeners } from "./listeners.ts";
import { isEventStream, type StreamEvents, streamNames, wireEvents } from "./streams.ts";
import { Subscription } from "./subscription.ts";
import { connectFailure } from "./transport-errors.ts";

/**
 * `connecting` until the first connection, `reconnecting` after one was lost. `unauthorized` and `closed` are final:
 * the token is missing or wrong, or `close()` was called.
 */
export type ClientState = "connecting" | "connected" | "reconnecting" | "unauthorized" | "closed";

/** Events may be missing: the server no longer has, or never had, the place from which this client wanted to go on. */
export interface HistoryGap {
  readonly stream: EventStreamName;
  /** The last event this client has; what follows now is live. */
  readonly after: number | string | undefined;
  readonly message: string;
}

export interface ClientEvents extends StreamEvents {
  state: ClientState;
  /** What keeps the client from being connected or subscribed. It goes on trying, except when `unauthorized`. */
  error: Error;
  gap: HistoryGap;
  /** The server says that it goes away; the client reconnects by itself. */
  server_shutdown: { message: string };
}

export interface ConnectOptions {
  /** The server's token, where it wants one. */
  readonly token?: string | undefined;
  /** WebSocket, then polling where that fails, unless told otherwise. */
  readonly transports?: readonly ("websocket" | "polling")[];
  /** Anything else that socket.io-client takes, e.g. `reconnectionDelayMax`. */
  readonly socket?: Partial<ManagerOptions & SocketOptions>;
}

/** Milliseconds until a request that the server could not serve is sent again, on the same connection. */
const RETRY_MS = 5_000;

/**
 * Milliseconds, at least and at most, until a client that the server sent away comes back. Socket.IO leaves that to
 * us; the spread keeps all clients of a restarting server from coming at once.
 */
const RETURN_MS = { least: 500, most: 3_000 };

/**
 * A connection to llm-manager that lasts: it reconnects, keeps its subscriptions, and hands on every event of an event
 * stream exactly once and in order, whatever happened to the connections in between. State streams start each
 * connection with a fresh snapshot.
 *
 * @example
 * ```ts
 * const client = connect("http://127.0.0.1:5000");
 * client.on("activity_stream", (event) => console.log(event.data.message));
 * await client.subscribe("activity_stream", { after: 0 });
 * ```
 */
export class Client implements Disposable {
  readonly #socket: Socket;
  readonly #url: string;
  readonly #listeners = new Listeners<ClientEvents>();
  readonly #subscriptions = new Map<StreamName, Subscription>();
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();
  #state: ClientState = "connecting";
  #sessionId: string | undefined;

  constructor(url: string, options: ConnectOptions) {
    this.#url = url;
    this.#socket = io(url, {
      transports: [...(options.transports ?? ["websocket", "polling"])],
      tryAllTransports: true,
      ...options.socket,
      // Its own connection, so that closing it closes nobody else's.
      forceNew: true,
      ...(options.token !== undefined && { auth: { token: options.token } }),
    });
    this.#socket.on("connect", () => this.#connected());
    this.#socket.on("disconnect", () => this.#disconnected());
    this.#socket.on("connect_error", (error) => this.#refused(error));
    this.#socket.on("server_shutdown", (notice: { message: string }) =>
      this.#listeners.emit("server_shutdown", notice),
    );
    this.#socket.on("subscription_error", (error: SubscriptionError) => this.#failedLater(error));
    for (const stream of streamNames) this.#receive(stream);
  }

  get state(): ClientState {
    return this.#state;
  }

  /** The server's name for this connection, from the first acknowledgement on. */
  get sessionId(): string | undefined {
    return this.#sessionId;
  }

  /** Calls `listener` with every event of a stream, or of the connection. @returns what takes it off again. */
  on<Name extends keyof ClientEvents>(name: Name, listener: (payload: ClientEvents[Name]) => void): () => void {
    return this.#listeners.on(name, listener);
  }

  /**
   * Subscribes to a stream; on an event stream `after` replays what is newer than that `seq` or id first (0: all).
   * Waits for a connection where there is none. Subscribing again changes nothing.
   *
   * @returns what the server acknowledged first.
   * @throws SubscriptionRefusedError, UnauthorizedError, ClientClosedError
   */
  subscribe(stream: EventStreamName, options?: ReplayOptions): Promise<SubscriptionAck>;
  subscribe(stream: StateStreamName): Promise<SubscriptionAck>;
  subscribe(stream: StreamName): Promise<SubscriptionAck>;
  subscribe(stream: StreamName, options: ReplayOptions = {}): Promise<SubscriptionAck> {
    if (this.#state === "closed") return Promise.reject(new ClientClosedError());
    if (this.#state === "unauthorized") return Promise.reject(this.#unauthorized());
    const known = this.#subscriptions.get(stream);
    if (known) return known.acknowledgement;
    const subscription = new Subscription(stream, options);
    this.#subscriptions.set(stream, subscription);
    if (this.#socket.connected) this.#request(subscription);
    return subscription.acknowledgement;
  }

  /** Ends a subscription; nothing of it is handed on from here on. */
  unsubscribe(stream: StreamName): void {
    const subscription = this.#subscriptions.get(stream);
    if (!subscription) return;
    this.#subscriptions.delete(stream);
    subscription.abandon(new DOMException(`unsubscribed from ${stream} before it was acknowledged`, "AbortError"));
    if (this.#socket.connected) this.#socket.emit(`unsubscribe_${stream}`);
  }

  close(): void {
    if (this.#state === "closed") return;
    this.#end(new ClientClosedError());
    this.#setState("closed");
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #receive<Stream extends StreamName>(stream: Stream): void {
    const wireEvent: string = wireEvents[stream];
    this.#socket.on(wireEvent, (event: ClientEvents[Stream]) => {
      if (this.#subscriptions.get(stream)?.accept(event)) this.#listeners.emit(stream, event);
    });
  }

  #connected(): void {
    const { recovered } = this.#socket;
    for (const subscription of this.#subscriptions.values()) {
      if (recovered && subscription.phase === "live") continue;
      // The server takes up a recovered connection after the last live event. A replay that was cut off lies before
      // that, so it is asked for anew.
      if (recovered) this.#socket.emit(`unsubscribe_${subscription.stream}`);
      this.#request(subscription);
    }
    this.#setState("connected");
  }

  #disconnected(): void {
    if (this.#final()) return;
    this.#setState("reconnecting");
    if (!this.#socket.active) this.#returnLater();
  }

  #refused(error: Error): void {
    if (this.#final()) return;
    const failure = connectFailure(this.#url, error);
    if (failure instanceof UnauthorizedError) {
      this.#end(failure);
      this.#setState("unauthorized");
    } else if (!this.#socket.active) {
      this.#returnLater();
    }
    this.#listeners.emit("error", failure);
  }

  #request(subscription: Subscription): void {
    const { stream } = subscription;
    const options = subscription.request();
    const answered = (answer: SubscriptionAck | SubscriptionError) => {
      if (this.#subscriptions.get(stream) !== subscription) return;
      if ("code" in answer) {
        this.#requestRefused(subscription, answer);
        return;
      }
      this.#sessionId = answer.session_id;
      subscription.acknowledge(answer);
    };
    if (options.after === undefined) this.#socket.emit(`subscribe_${stream}`, answered);
    else this.#socket.emit(`subscribe_${stream}`, options, answered);
  }

  #requestRefused(subscription: Subscription, answer: SubscriptionError): void {
    const { stream } = subscription;
    const error = new SubscriptionRefusedError(answer);
    if (!subscription.wasAcknowledged) {
      this.#subscriptions.delete(stream);
      subscription.refuse(error);
      return;
    }
    if (answer.code === "unknown_id" && isEventStream(stream)) {
      // Another or an older database than before: numbers mean other events there, so counting starts anew.
      this.#listeners.emit("gap", { stream, after: subscription.forget(), message: answer.message });
      this.#request(subscription);
      return;
    }
    this.#listeners.emit("error", error);
    this.#retryLater(subscription);
  }

  /** A subscription that was acknowledged failed before it was live. */
  #failedLater(failure: SubscriptionError): void {
    const subscription = [...this.#subscriptions.values()].find(({ stream }) => stream === failure.event_type);
    if (!subscription || subscription.phase === "requested" || failure.code !== "internal_error") return;
    this.#listeners.emit("error", new SubscriptionRefusedError(failure));
    this.#retryLater(subscription);
  }

  #retryLater(subscription: Subscription): void {
    this.#later(RETRY_MS, () => {
      const current = this.#subscriptions.get(subscription.stream) === subscription;
      if (current && this.#socket.connected) this.#request(subscription);
    });
  }

  #returnLater(): void {
    const { least, most } = RETURN_MS;
    this.#later(least + Math.random() * (most - least), () => this.#socket.connect());
  }

  #later(ms: number, run: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      run();
    }, ms);
    this.#timers.add(timer);
  }

  #end(why: Error): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    for (const subscription of this.#subscriptions.values()) subscription.abandon(why);
    this.#subscriptions.clear();
    this.#socket.removeAllListeners();
    this.#socket.disconnect();
  }

  #final(): boolean {
    return this.#state === "closed" || this.#state === "unauthorized";
  }

  #unauthorized(): UnauthorizedError {
    return new UnauthorizedError(`${this.#url} wants another token`);
  }

  #setState(state: ClientState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#listeners.emit("state", state);
  }
}

/** Connects to the server at `url`, e.g. `http://127.0.0.1:5000`, and stays connected until `close()`. */
export function connect(url: string, options: ConnectOptions = {}): Client {
  return new Client(url, options);
}
