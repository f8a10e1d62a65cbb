import type { Socket } from "socket.io-client";
import type {
  EventStreamName,
  ReplayOptions,
  StreamName,
  SubscriptionAck,
  SubscriptionError,
} from "../contract/streams.ts";
import { SubscriptionRefusedError } from "./errors.ts";
import { isEventStream } from "./streams.ts";
import { Subscription } from "./subscription.ts";

/** Events may be missing: the server no longer has, or never had, the place from which this client wanted to go on. */
export interface HistoryGap {
  readonly stream: EventStreamName;
  /** The last event this client has; what follows now is live. */
  readonly after: number | string | undefined;
  readonly message: string;
}

/** Milliseconds until a request that the server could not serve is sent again, on the same connection. */
const RETRY_MS = 5_000;

/** What a client is subscribed to, asked for anew on every connection that does not know of it. */
export class Subscriptions {
  readonly #socket: Socket;
  readonly #onError: (error: Error) => void;
  readonly #onGap: (gap: HistoryGap) => void;
  readonly #subscriptions = new Map<StreamName, Subscription>();
  readonly #retries = new Set<ReturnType<typeof setTimeout>>();
  #sessionId: string | undefined;

  constructor(socket: Socket, onError: (error: Error) => void, onGap: (gap: HistoryGap) => void) {
    this.#socket = socket;
    this.#onError = onError;
    this.#onGap = onGap;
    socket.on("subscription_error", (error: SubscriptionError) => this.#failedLater(error));
  }

  /** The server's name for this connection, from the first acknowledgement on. */
  get sessionId(): string | undefined {
    return this.#sessionId;
  }

  /** @returns the first acknowledgement; of the subscription there is already, where there is one. */
  add(stream: StreamName, options: ReplayOptions): Promise<SubscriptionAck> {
    const known = this.#subscriptions.get(stream);
    if (known) return known.acknowledgement;
    const subscription = new Subscription(stream, options);
    this.#subscriptions.set(stream, subscription);
    if (this.#socket.connected) this.#request(subscription);
    return subscription.acknowledgement;
  }

  remove(stream: StreamName): void {
    const subscription = this.#subscriptions.get(stream);
    if (!subscription) return;
    this.#subscriptions.delete(stream);
    subscription.abandon(new DOMException(`unsubscribed from ${stream} before it was acknowledged`, "AbortError"));
    if (this.#socket.connected) this.#socket.emit(`unsubscribe_${stream}`);
  }

  /** Asks a new connection for everything it does not have yet. */
  resume(): void {
    const { recovered } = this.#socket;
    for (const subscription of this.#subscriptions.values()) {
      if (recovered && subscription.phase === "live") continue;
      // The server takes up a recovered connection after the last live event. A replay that was cut off lies before
      // that, so it is asked for anew.
      if (recovered) this.#socket.emit(`unsubscribe_${subscription.stream}`);
      this.#request(subscription);
    }
  }

  /** Whether `event` is to be handed on: it is subscribed to, and was not handed on before. */
  accept(stream: StreamName, event: Parameters<Subscription["accept"]>[0]): boolean {
    return this.#subscriptions.get(stream)?.accept(event) ?? false;
  }

  /** Ends them all, and whatever still waits for an acknowledgement. */
  abandon(why: Error): void {
    for (const retry of this.#retries) clearTimeout(retry);
    this.#retries.clear();
    for (const subscription of this.#subscriptions.values()) subscription.abandon(why);
    this.#subscriptions.clear();
  }

  #request(subscription: Subscription): void {
    const { stream } = subscription;
    const options = subscription.request();
    const answered = (answer: SubscriptionAck | SubscriptionError) => {
      if (this.#subscriptions.get(stream) !== subscription) return;
      if ("code" in answer) {
        this.#refused(subscription, answer);
        return;
      }
      this.#sessionId = answer.session_id;
      subscription.acknowledge(answer);
    };
    if (options.after === undefined) this.#socket.emit(`subscribe_${stream}`, answered);
    else this.#socket.emit(`subscribe_${stream}`, options, answered);
  }

  #refused(subscription: Subscription, answer: SubscriptionError): void {
    const { stream } = subscription;
    const error = new SubscriptionRefusedError(answer);
    if (!subscription.wasAcknowledged) {
      this.#subscriptions.delete(stream);
      subscription.refuse(error);
      return;
    }
    if (answer.code === "unknown_id" && isEventStream(stream)) {
      // Another or an older database than before: numbers mean other events there, so counting starts anew.
      this.#onGap({ stream, after: subscription.forget(), message: answer.message });
      this.#request(subscription);
      return;
    }
    this.#onError(error);
    this.#retryLater(subscription);
  }

  /** A subscription that was acknowledged failed before it was live. */
  #failedLater(failure: SubscriptionError): void {
    const subscription = [...this.#subscriptions.values()].find(({ stream }) => stream === failure.event_type);
    if (!subscription || subscription.phase === "requested" || failure.code !== "internal_error") return;
    this.#onError(new SubscriptionRefusedError(failure));
    this.#retryLater(subscription);
  }

  #retryLater(subscription: Subscription): void {
    const timer = setTimeout(() => {
      this.#retries.delete(timer);
      const current = this.#subscriptions.get(subscription.stream) === subscription;
      if (current && this.#socket.connected) this.#request(subscription);
    }, RETRY_MS);
    this.#retries.add(timer);
  }
}
