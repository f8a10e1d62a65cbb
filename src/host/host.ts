import type { Server, Socket } from "socket.io";

/** How the server's parts meet a listening socket; one implementation per runtime family. */
export interface HostOptions {
  readonly hostname: string;
  /** 0 picks a free port. */
  readonly port: number;
  /** Answers every HTTP request that is not Socket.IO's. `address` is the peer's IP address. */
  readonly fetch: (request: Request, peer: { readonly address: string }) => Response | Promise<Response>;
  /** Asked before every Socket.IO request (handshake, polling, upgrade); a Response refuses it. */
  readonly admit: (headers: Headers, request: AdmissionRequest) => Response | undefined;
  /** The Socket.IO server that this host's engine feeds. */
  readonly io: Server;
  readonly socket: SocketOptions;
  /** Present when the server speaks TLS, on HTTP and WebSocket alike, and nothing else on this port. */
  readonly tls?: TlsIdentity | undefined;
  /** A fault of the host or the engine that no request handler saw. */
  readonly onError: (error: unknown) => void;
}

/** What a server shows and proves of itself; both PEM. */
export interface TlsIdentity {
  /** The certificate, followed by those that lead from it to a known authority. */
  readonly cert: string;
  readonly key: string;
}

/** What is known of a Socket.IO request besides its headers. */
export interface AdmissionRequest {
  /** The peer's IP address. */
  readonly address: string;
  /** Whether it begins a session, rather than going on with one. */
  readonly handshake: boolean;
}

export interface SocketOptions {
  /** With a slash at both ends: `/socket.io/`. */
  readonly path: string;
  readonly pingIntervalMs: number;
  readonly pingTimeoutMs: number;
  /** Largest message and largest polling body from a client. */
  readonly maxPayloadBytes: number;
  /** permessage-deflate on WebSocket connections that offer it. */
  readonly compression: boolean;
  /**
   * Unsent bytes from which a slow client is disconnected. `SlowConsumers` does so with a reason; a host that can cuts a
   * WebSocket by itself at twice this, for what piles up between two of its looks.
   */
  readonly backlogBytes: number;
  /** Origins besides its own that get CORS headers on polling; `*` stands for all. */
  readonly corsOrigins: readonly string[];
}

/** What lies beneath the Socket.IO sockets of one client: `socket.conn`. */
export type Connection = Socket["conn"];

/** Native topics: what is published is encoded once and copied by the runtime, not by JavaScript. */
export interface Topics {
  /** Sends `data`, a text frame, to every connection that is subscribed to `topic`, in order with what is sent directly. */
  publish(topic: string, data: string, compress: boolean): void;
  /** @returns false when the connection is not on a WebSocket now, and gets nothing. */
  subscribe(connection: Connection, topic: string): boolean;
  unsubscribe(connection: Connection, topic: string): void;
}

/** A server that listens. */
export interface Listening {
  readonly hostname: string;
  readonly port: number;
  /** New connections get the new certificate, those that are open go on. Only for a server that speaks TLS. */
  renew(tls: TlsIdentity): void;
  /**
   * Stops accepting before it returns its promise. Open requests and Socket.IO connections may end until `deadlineMs`
   * have passed; what is left then is cut. Resolves when nothing is open any more, so close the Socket.IO connections
   * meanwhile.
   */
  close(deadlineMs: number): Promise<void>;
}

export interface Host {
  readonly name: "bun" | "deno" | "node";
  /** Present where the runtime has native topics. */
  readonly topics?: Topics;
  /** @throws ListenError when the address cannot be bound (in use, not permitted, not of this machine). */
  listen(options: HostOptions): Promise<Listening>;
}

/** The address cannot be listened on; the message names it and says what to do. */
export class ListenError extends Error {
  override readonly name = "ListenError";
}
