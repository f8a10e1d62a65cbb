import type { Server, Socket } from "socket.io";
import type { CallerData } from "../access/socket.ts";
import type { ClientToServerEvents, ServerToClientEvents } from "../contract/index.ts";

/** What a connection keeps over a recovery. */
export interface SocketData extends CallerData {
  /** `client_…`; made once per connection. */
  sessionId: string;
  /** Subscriptions that are acknowledged but not live yet; a connection lost with any starts anew. */
  settling: number;
}

type NoServerSideEvents = Record<never, never>;

export type Io = Server<ClientToServerEvents, ServerToClientEvents, NoServerSideEvents, SocketData>;
export type IoSocket = Socket<ClientToServerEvents, ServerToClientEvents, NoServerSideEvents, SocketData>;
