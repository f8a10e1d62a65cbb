import type { Socket } from "socket.io-client";
import type { DeploymentLogsEvent, LogSubscription } from "../contract/logs.ts";
import type { SubscriptionAck, SubscriptionError } from "../contract/streams.ts";
import { SubscriptionRefusedError } from "./errors.ts";

/** Where to begin with a log: from its end, unless told otherwise. */
export type LogOptions = Omit<LogSubscription, "deployment_id">;

/** Some lines of a log; `dropped` counts those before them that were left out because this client was too slow. */
export type LogLines = DeploymentLogsEvent["data"];

/** One log that is followed, until it is disposed of. */
export interface FollowedLog extends Disposable {
  /** Resolves with the server's first acknowledgement; rejects when it refuses. */
  readonly acknowledged: Promise<SubscriptionAck>;
}

interface Followed {
  readonly id: string;
  readonly listener: (lines: LogLines) => void;
  readonly pending: PromiseWithResolvers<SubscriptionAck>;
  options: LogOptions;
  live: boolean;
}

/** The logs a client follows, asked for anew on every connection from the last line it has. */
export class LogSubscriptions {
  readonly #socket: Socket;
  readonly #onError: (error: Error) => void;
  readonly #followed = new Map<string, Followed>();

  constructor(socket: Socket, onError: (error: Error) => void) {
    this.#socket = socket;
    this.#onError = onError;
    socket.on("deployment_logs", ({ data }: DeploymentLogsEvent) => this.#receive(data));
  }

  /** @throws Error when this client follows that log already. */
  follow(id: string, options: LogOptions, listener: (lines: LogLines) => void): FollowedLog {
    if (this.#followed.has(id)) throw new Error(`the log of ${id} is followed already`);
    const pending = Promise.withResolvers<SubscriptionAck>();
    pending.promise.catch(() => {});
    const followed: Followed = { id, listener, pending, options, live: false };
    this.#followed.set(id, followed);
    if (this.#socket.connected) this.#request(followed);
    return { acknowledged: pending.promise, [Symbol.dispose]: () => this.#end(followed) };
  }

  /** Asks a new connection for everything; even a recovered one does not know of logs. */
  resume(): void {
    for (const followed of this.#followed.values()) this.#request(followed);
  }

  abandon(why: Error): void {
    for (const { pending } of this.#followed.values()) pending.reject(why);
    this.#followed.clear();
  }

  #request(followed: Followed): void {
    followed.live = false;
    const request: LogSubscription = { deployment_id: followed.id, ...followed.options };
    this.#socket.emit("subscribe_deployment_logs", request, (answer: SubscriptionAck | SubscriptionError) => {
      if (this.#followed.get(followed.id) !== followed) return;
      if ("code" in answer) return this.#refused(followed, new SubscriptionRefusedError(answer));
      followed.live = true;
      // Without lines yet this is the place to go on from.
      const { tail, after } = followed.options;
      if (tail === undefined && after === undefined && answer.cursor !== undefined) {
        followed.options = { after: answer.cursor };
      }
      followed.pending.resolve(answer);
    });
  }

  #refused(followed: Followed, error: SubscriptionRefusedError): void {
    this.#followed.delete(followed.id);
    followed.pending.reject(error);
    this.#onError(error);
  }

  #receive(data: LogLines): void {
    const followed = this.#followed.get(data.deployment_id);
    const last = data.lines.at(-1);
    if (!followed?.live || !last) return;
    followed.options = { after: last.cursor };
    followed.listener(data);
  }

  #end(followed: Followed): void {
    if (this.#followed.get(followed.id) !== followed) return;
    this.#followed.delete(followed.id);
    followed.pending.reject(new DOMException(`the log of ${followed.id} is not followed any more`, "AbortError"));
    if (this.#socket.connected) this.#socket.emit("unsubscribe_deployment_logs", { deployment_id: followed.id });
  }
}
