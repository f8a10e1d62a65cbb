import { Server, type ServerOptions } from "socket.io";
import type { Host } from "../../src/host/host.ts";
import { event, ROOM, serveLoad } from "./load.ts";

/** Long enough that no heartbeat falls into a measurement. */
const PING_MS = 600_000;

/** A Socket.IO server whose sockets are all in one room. */
export async function serveSockets(host: Host, options: Partial<ServerOptions>): Promise<void> {
  const io = new Server({ serveClient: false, ...options });
  io.on("connection", (socket) => void socket.join(ROOM));
  const { port } = await host.listen({
    hostname: "127.0.0.1",
    port: 0,
    fetch: () => new Response(),
    admit: () => undefined,
    io,
    socket: {
      path: "/socket.io/",
      pingIntervalMs: PING_MS,
      pingTimeoutMs: PING_MS,
      maxPayloadBytes: 65_536,
      compression: false,
      backlogBytes: 16_777_216,
      corsOrigins: [],
    },
    onError: (error) => console.error(error),
  });
  await serveLoad(port, () => io.to(ROOM).emit(event.name, event.payload));
}
