import type { Server } from "socket.io";

/** How the server's parts meet a listening socket; one implementation per runtime family. */
export interface HostOptions {
  readonly hostname: string;
  /** 0 picks a free port. */
  readonly port: number;
  /** Answers every HTTP request that is not Socket.IO's. `address` is the peer's IP address. */
  readonly fetch: (request: Request, peer: { readonly address: string }) => Response | Promise<Response>;
  /** Asked before every Socket.IO request (handshake, polling, upgrade); a Response refuses it. */
  readonly admit: (headers: Headers, peer: { readonly address: string }) => Response | undefined;
  /** The Socket.IO server that this host's engine feeds. */
  readonly io: Server;
  readonly socket: {
    /** With a slash at both ends: `/socket.io/`. */
    readonly path: string;
    readonly pingIntervalMs: number;
    readonly pingTimeoutMs: number;
    readonly maxPayloadBytes: number;
    readonly compression: boolean;
    /** Unsent bytes at which the connection is cut. */
    readonly backlogBytes: number;
    /** Origins besides its own that get CORS headers on polling. */
    readonly corsOrigins: readonly string[];
  };
  /** A fault of the host or the engine that no request handler saw. */
  readonly onError: (error: unknown) => void;
}

/** Native topics: what is published is encoded once and copied by the runtime, not by JavaScript. */
export interface Topics {
  publish(topic: string, data: string, compress: boolean): void;
}

/** A server that listens. */
export interface Listening {
  readonly hostname: string;
  readonly port: number;
  /** Stops accepting, lets open requests end until `deadlineMs`, then cuts what is left. */
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
