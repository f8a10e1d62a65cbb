import { randomBytes } from "node:crypto";
import { TokenBucket } from "limiter";
import type { Caller } from "../access/caller.ts";
import type { Limits } from "../access/limits.ts";
import type { LiveCallers } from "../access/live.ts";
import type { Clock } from "../clock.ts";
import { requests } from "../contract/asyncapi-messages.ts";
import {
  type Acknowledge,
  type Need,
  ProblemError,
  type Scope,
  type SubscriptionError,
  type SubscriptionName,
} from "../contract/index.ts";
import type { Io, IoSocket } from "./io.ts";
import { type LogSource, LogSubscriptions, TooManyLogsError } from "./log-subscriptions.ts";
import { formatOffset, type Offset } from "./offset.ts";
import { type LogRequest, readRequest } from "./requests.ts";
import { ForbiddenStreamError, Subscriber, type SubscriberParts, UnknownEventError } from "./subscriber.ts";
import { webSocketOf } from "./web-socket.ts";

/** Mistakes in a row, refilled one a second, after which a connection is closed: nobody needs that many by accident. */
const MISTAKES = 30;

/** Seconds' worth of bytes that a client may send at once. */
const BURST_SECONDS = 10;

/** Milliseconds for the reason to arrive before the connection is cut. */
const CUT_OFF_GRACE_MS = 1_000;

export interface ConnectionParts extends SubscriberParts {
  readonly deploymentLogs: LogSource;
  readonly clock: Clock;
  readonly eventsPerSecond: number;
  /** Where a client that has seen everything stands; undefined when connections are not recovered. */
  readonly offset: (() => Offset) | undefined;
  /** Ends a connection when what let it in does so no more. */
  readonly live: Pick<LiveCallers, "add">;
  readonly limits: Pick<Limits, "connected">;
  readonly bytesPerSecond: number;
  readonly onAbuse: (socket: IoSocket) => void;
}

const subscribers = new WeakMap<IoSocket, Subscriber>();

/** The subscriptions of a connection, while it is open. */
export function subscriberOf(socket: IoSocket): Subscriber | undefined {
  return subscribers.get(socket);
}

/** Serves every connection of `io`: reads what the client asks for and answers each request, right or wrong. */
export function serveConnections(io: Io, parts: ConnectionParts): void {
  io.on("connection", (socket) => {
    if (!socket.recovered) {
      socket.data.sessionId = `client_${randomBytes(12).toString("base64url")}`;
      socket.data.settling = 0;
    }
    const subscriber = new Subscriber(socket, parts);
    subscribers.set(socket, subscriber);
    const logs = new LogSubscriptions(socket, { ...parts, ...parts.deploymentLogs });
    const sent = fullBucket(parts.eventsPerSecond, parts.eventsPerSecond);
    const bytes = fullBucket(BURST_SECONDS * parts.bytesPerSecond, parts.bytesPerSecond);
    const mistakes = fullBucket(MISTAKES, 1);

    const refuse = (error: SubscriptionError, acknowledge: Acknowledge | undefined) => {
      // What it had sent before it was cut off may still be handed on.
      if (!socket.connected) return;
      socket.emit("subscription_error", error);
      acknowledge?.(error);
      if (mistakes.tryRemoveTokens(1)) return;
      parts.onAbuse(socket);
      cutOff(socket, parts.clock);
    };
    // Before it is known what is in them: broken and binary packets count as well.
    const onPacket = ({ data }: { readonly data?: { readonly length: number } }) => {
      if (bytes.tryRemoveTokens(data?.length ?? 0)) return;
      const message = `More than ${parts.bytesPerSecond} bytes a second; send less.`;
      refuse({ event_type: "message", code: "rate_limited", message }, undefined);
    };
    socket.conn.on("packet", onPacket);
    const counted = parts.limits.connected(socket.data.caller.address);
    // A middleware that never calls `next`: a client's event names never reach the EventEmitter behind the socket,
    // where a name such as `error` would throw.
    socket.use(([event, ...args]) => {
      const request = readRequest(event, args);
      const { acknowledge } = request;
      if (!sent.tryRemoveTokens(1)) {
        const message = `More than ${parts.eventsPerSecond} events in a second; this one was ignored.`;
        refuse({ event_type: eventTypeOf(request), code: "rate_limited", message }, acknowledge);
        return;
      }
      const lacking = lackingScope(socket.data.caller, event);
      if (lacking) {
        const message = `Not permitted: ${event} needs the scope ${lacking}.`;
        refuse({ event_type: eventTypeOf(request), code: "forbidden", message, scope: lacking }, acknowledge);
        return;
      }
      if (request.kind === "refused") {
        refuse(request.error, acknowledge);
        return;
      }
      try {
        if (request.kind === "logs") answerLogs(socket, logs, request);
        else answer(socket, subscriber, request);
      } catch (error) {
        refuse(subscriptionErrorOf(error, request.name, parts.onError), acknowledge);
      }
    });
    const live = parts.live.add(socket.data.caller, {
      end(why) {
        socket.emit("access_ended", why);
        socket.disconnect(true);
      },
    });
    socket.on("disconnect", () => {
      socket.conn.off("packet", onPacket);
      counted[Symbol.dispose]();
      live[Symbol.dispose]();
      subscriber.close();
      logs.close();
      subscribers.delete(socket);
    });
    if (parts.offset) socket.emit("recovery_offset", formatOffset(parts.offset()));
  });
}

/** Disconnects who does not behave; who does not answer that is not waited for. */
function cutOff(socket: IoSocket, clock: Clock): void {
  const webSocket = webSocketOf(socket.conn.transport);
  socket.disconnect(true);
  // An engine waits half a minute for the peer to close its side, too; harmless once it has.
  if (webSocket) clock.after(CUT_OFF_GRACE_MS, () => webSocket.terminate());
}

/** They start empty in this library; a new connection may use them at once. */
function fullBucket(bucketSize: number, perSecond: number): TokenBucket {
  const bucket = new TokenBucket({ bucketSize, tokensPerInterval: perSecond, interval: "second" });
  bucket.content = bucketSize;
  return bucket;
}

const needs: ReadonlyMap<unknown, Need> = new Map(requests.map(({ name, scope }) => [name, scope]));

/** The scope that a caller would need to send `event`, if they lack one; what is in several streams is seen to later. */
function lackingScope(caller: Pick<Caller, "scopes">, event: unknown): Scope | undefined {
  const need = needs.get(event);
  return need === undefined || need === "any" || need === "public" || caller.scopes.has(need) ? undefined : need;
}

function subscriptionErrorOf(
  error: unknown,
  name: SubscriptionName | "deployment_logs",
  onError: (error: unknown) => void,
): SubscriptionError {
  if (error instanceof ProblemError && error.code === "not_found") {
    return { event_type: name, code: "not_found", message: error.message };
  }
  if (error instanceof TooManyLogsError) return { event_type: name, code: "too_many", message: error.message };
  if (error instanceof UnknownEventError) return { event_type: name, code: "unknown_id", message: error.message };
  if (error instanceof ForbiddenStreamError) {
    return { event_type: name, code: "forbidden", message: error.message, scope: error.scope };
  }
  onError(error);
  return { event_type: name, code: "internal_error", message: "The server failed; its log says why." };
}

type Request = ReturnType<typeof readRequest>;

function answer(socket: IoSocket, subscriber: Subscriber, request: Extract<Request, { kind: "request" }>): void {
  const { name, options, acknowledge } = request;
  switch (request.verb) {
    case "subscribe":
      subscriber.subscribe(name, options, (ack) => {
        socket.emit("subscribed", ack);
        acknowledge?.(ack);
      });
      return;
    case "unsubscribe":
      subscriber.unsubscribe(name, (ack) => {
        socket.emit("unsubscribed", ack);
        acknowledge?.(ack);
      });
      return;
    default:
      request.verb satisfies never;
  }
}

function answerLogs(socket: IoSocket, logs: LogSubscriptions, request: LogRequest): void {
  const { acknowledge } = request;
  if (request.verb === "subscribe") {
    logs.subscribe(request.options, (ack) => {
      socket.emit("subscribed", ack);
      acknowledge?.(ack);
    });
  } else {
    logs.unsubscribe(request.options.deployment_id, (ack) => {
      socket.emit("unsubscribed", ack);
      acknowledge?.(ack);
    });
  }
}

function eventTypeOf(request: Request): string {
  return request.kind === "refused" ? request.error.event_type : request.name;
}
