import { createInterface } from "node:readline";
import { FRAME_BYTES } from "./load.ts";

// Many WebSocket clients in one process that only count bytes: the cheaper they are, the less they disturb the server
// that is measured. Arguments: port, number of clients. Says `connected`, then answers each line `n` once n frames in
// all have arrived.

const [port, count] = process.argv.slice(2).map(Number);
if (!port || !count) throw new Error("usage: clients.ts PORT COUNT");

const HANDSHAKE =
  `GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\n` +
  "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
/** Connects to the namespace: a text frame of `40`, masked with zeros. */
const CONNECT = Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0x34, 0x30]);
/** How many handshakes are under way at a time. */
const BATCH = 100;

let bytes = 0;
let onBytes = () => {};

function connect(): Promise<void> {
  return new Promise((resolve, reject) => {
    let text = "";
    let joined = false;
    let asked = false;
    Bun.connect({
      hostname: "127.0.0.1",
      port: port ?? 0,
      socket: {
        open: (socket) => void socket.write(HANDSHAKE),
        data(socket, chunk) {
          if (joined) {
            bytes += chunk.length;
            onBytes();
            return;
          }
          text += chunk.toString("latin1");
          if (!asked && text.includes("0{")) {
            asked = true;
            socket.write(CONNECT);
          }
          if (text.includes("40{")) {
            joined = true;
            resolve();
          }
        },
        error: (_socket, error) => reject(error),
        close: () => reject(new Error("closed")),
      },
    }).catch(reject);
  });
}

for (let connected = 0; connected < count; connected += BATCH) {
  await Promise.all(Array.from({ length: Math.min(BATCH, count - connected) }, connect));
}
console.log("connected");

for await (const line of createInterface({ input: process.stdin })) {
  const wanted = Number(line) * FRAME_BYTES;
  await new Promise<void>((resolve) => {
    onBytes = () => {
      if (bytes >= wanted) resolve();
    };
    onBytes();
  });
  console.log(bytes === wanted ? "delivered" : `too much: ${bytes} bytes, not ${wanted}`);
}
process.exit();
