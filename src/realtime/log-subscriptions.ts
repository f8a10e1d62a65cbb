import { type Clock, isoTime } from "../clock.ts";
import {
  type DeploymentLogsEvent,
  type LogSubscription,
  ProblemError,
  type SubscriptionAck,
} from "../contract/index.ts";
import type { DeploymentLogs } from "../deployments/logs/logs.ts";
import type { IoSocket } from "./io.ts";

/** Logs that one connection may follow at once. */
export const MAX_LOGS = 16;

export interface LogSource {
  readonly logs: Pick<DeploymentLogs, "follow" | "end">;
  /** @throws ProblemError `not_found`. */
  readonly require: (deploymentId: string) => unknown;
}

export interface LogSubscriptionsParts extends LogSource {
  readonly clock: Clock;
  /** Resolves when `socket` has little unsent; rejects when it is gone. */
  readonly drained: (socket: IoSocket) => Promise<void>;
  readonly onError: (error: unknown) => void;
}

/** There is no room for another log on this connection. */
export class TooManyLogsError extends Error {
  override readonly name = "TooManyLogsError";
}

/**
 * The logs that one connection follows. Each batch waits for its turn and until the client has taken what was sent
 * before, so a slow client holds up nobody, gets fewer and larger batches, and is told what it missed.
 */
export class LogSubscriptions {
  readonly #socket: IoSocket;
  readonly #parts: LogSubscriptionsParts;
  readonly #following = new Map<string, AbortController>();
  #turn: Promise<void> = Promise.resolve();

  constructor(socket: IoSocket, parts: LogSubscriptionsParts) {
    this.#socket = socket;
    this.#parts = parts;
  }

  /**
   * Acknowledges, then sends what is asked for and what comes. What is followed already is acknowledged again.
   *
   * @throws ProblemError `not_found`; TooManyLogsError.
   */
  subscribe(request: LogSubscription, acknowledge: (ack: SubscriptionAck) => void): void {
    const { deployment_id: id, tail, after } = request;
    this.#parts.require(id);
    const known = this.#following.has(id);
    if (!known && this.#following.size >= MAX_LOGS) {
      throw new TooManyLogsError(`A connection can follow ${MAX_LOGS} logs; unsubscribe from one first.`);
    }
    const cursor = this.#parts.logs.end(id);
    acknowledge({ ...this.#answer(id, `Log of ${id} subscription successful`), cursor });
    if (known) return;
    const stop = new AbortController();
    this.#following.set(id, stop);
    const begin = after ?? (tail === undefined ? cursor : undefined);
    this.#follow(id, begin === undefined ? { tail } : { after: begin }, stop.signal)
      .catch((error: unknown) => {
        if (stop.signal.aborted || !this.#socket.connected) return;
        this.#parts.onError(error);
        const message = `The log of ${id} could not be read; subscribe again.`;
        this.#socket.emit("subscription_error", { event_type: "deployment_logs", code: "internal_error", message });
      })
      .finally(() => {
        if (this.#following.get(id) === stop) this.#following.delete(id);
      });
  }

  unsubscribe(id: string, acknowledge: (ack: SubscriptionAck) => void): void {
    this.#following.get(id)?.abort();
    this.#following.delete(id);
    acknowledge(this.#answer(id, `Log of ${id} unsubscription successful`));
  }

  /** The connection is gone. */
  close(): void {
    for (const stop of this.#following.values()) stop.abort();
    this.#following.clear();
  }

  async #follow(id: string, query: { tail?: number | undefined; after?: string }, signal: AbortSignal): Promise<void> {
    for await (const { lines, dropped } of this.#parts.logs.follow(id, query, signal)) {
      if (lines.length === 0) continue;
      const data: DeploymentLogsEvent["data"] = {
        deployment_id: id,
        lines: lines.map(({ partial, ...line }) => (partial ? { ...line, partial } : line)),
        ...(dropped > 0 && { dropped }),
      };
      await this.#send(data, signal);
      if (signal.aborted) return;
    }
    if (signal.aborted || this.#exists(id)) return;
    this.#socket.emit("unsubscribed", this.#answer(id, `${id} was removed, and its log with it`));
  }

  async #send(data: DeploymentLogsEvent["data"], signal: AbortSignal): Promise<void> {
    const before = this.#turn;
    const mine = Promise.withResolvers<void>();
    this.#turn = mine.promise;
    try {
      await before;
      if (signal.aborted) return;
      const timestamp = isoTime(this.#parts.clock.now());
      this.#socket.emit("deployment_logs", { event_type: "deployment_logs", timestamp, data });
      await this.#parts.drained(this.#socket);
    } finally {
      mine.resolve();
    }
  }

  #exists(id: string): boolean {
    try {
      this.#parts.require(id);
      return true;
    } catch (error) {
      if (error instanceof ProblemError) return false;
      throw error;
    }
  }

  #answer(id: string, message: string): SubscriptionAck {
    return { event_type: "deployment_logs", message, session_id: this.#socket.data.sessionId, deployment_id: id };
  }
}
