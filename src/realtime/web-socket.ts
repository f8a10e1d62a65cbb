import type { IoSocket } from "./io.ts";

/** What a WebSocket of either engine can do; Bun's tells its backlog by a method, `ws` by a property. */
export type ServerSocket = {
  close(code: number, reason: string): void;
  terminate(): void;
} & ({ getBufferedAmount(): number } | { readonly bufferedAmount: number });

export type Connection = IoSocket["conn"];

/** Both engines keep the WebSocket in a private field of this name; polling transports have none. */
export function webSocketOf(transport: Connection["transport"]): ServerSocket | undefined {
  return Reflect.get(transport, "socket");
}
