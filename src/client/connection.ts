import { io, type ManagerOptions, type Socket, type SocketOptions } from "socket.io-client";
import type {
  EventStreamName,
  ReplayOptions,
  StateStreamName,
  StreamName,
  SubscriptionAck,
} from "../contract/streams.ts";
import { ClientClosedError, UnauthorizedError } from "./errors.ts";
import { Listeners } from "./listeners.ts";
import { type FollowedLog, type LogLines, type LogOptions, LogSubscriptions } from "./log-subscriptions.ts";
import { type StreamEvents, streamNames, wireEvents } from "./streams.ts";
import { type HistoryGap, Subscriptions } from "./subscriptions.ts";
import { connectFailure } from "./transport-errors.ts";

/**
 * `connecting` until the first connection, `reconnecting` after one was lost. `unauthorized` and `closed` are final:
 * the token is missing or wrong, or `close()` was called.
 */
export type ClientState = "connecting" | "connected" | "reconnecting" | "unauthorized" | "closed";

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
  readonly #subscriptions: Subscriptions;
  readonly #logs: LogSubscriptions;
  #return: ReturnType<typeof setTimeout> | undefined;
  #state: ClientState = "connecting";

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
    this.#subscriptions = new Subscriptions(
      this.#socket,
      (error) => this.#listeners.emit("error", error),
      (gap) => this.#listeners.emit("gap", gap),
    );
    this.#logs = new LogSubscriptions(this.#socket, (error) => this.#listeners.emit("error", error));
    for (const stream of streamNames) this.#receive(stream);
  }

  get state(): ClientState {
    return this.#state;
  }

  /** The server's name for this connection, from the first acknowledgement on. */
  get sessionId(): string | undefined {
    return this.#subscriptions.sessionId;
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
    return this.#subscriptions.add(stream, options);
  }

  /** Ends a subscription; nothing of it is handed on from here on. */
  unsubscribe(stream: StreamName): void {
    this.#subscriptions.remove(stream);
  }

  /**
   * Follows the log of a deployment, over restarts of its engine and new connections, from the last line that was handed
   * on. Begins with what comes from now on, unless `tail` or `after` say otherwise. Disposing of it ends it.
   *
   * @throws UnauthorizedError, ClientClosedError; Error when this client follows that log already.
   */
  followLog(deploymentId: string, options: LogOptions, listener: (lines: LogLines) => void): FollowedLog {
    if (this.#state === "closed") throw new ClientClosedError();
    if (this.#state === "unauthorized") throw this.#unauthorized();
    return this.#logs.follow(deploymentId, options, listener);
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
      if (this.#subscriptions.accept(stream, event)) this.#listeners.emit(stream, event);
    });
  }

  #connected(): void {
    this.#subscriptions.resume();
    this.#logs.resume();
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

  #returnLater(): void {
    const { least, most } = RETURN_MS;
    this.#return = setTimeout(() => this.#socket.connect(), least + Math.random() * (most - least));
  }

  #end(why: Error): void {
    clearTimeout(this.#return);
    this.#subscriptions.abandon(why);
    this.#logs.abandon(why);
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
