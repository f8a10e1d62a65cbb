import { encodedEvent, ROOM, serveLoad } from "./load.ts";

// No Socket.IO: Bun's own publish of a text made beforehand. What is left is the runtime and the kernel.
const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  fetch: (request, server) => (server.upgrade(request) ? undefined : new Response()),
  websocket: {
    backpressureLimit: 33_554_432,
    idleTimeout: 0,
    open: (ws) => void ws.send("0{}"),
    message(ws) {
      ws.subscribe(ROOM);
      ws.send("40{}");
    },
  },
});
await serveLoad(server.port ?? 0, () => void server.publish(ROOM, encodedEvent));
