import { once } from "node:events";
import { connect, type Socket } from "node:net";

/** Attackers come from another of this machine's loopback addresses, as limits are each address's own. */
export const ATTACKER = "127.0.0.2";

/** A bare connection, which does as it is told, whatever the protocol says. */
export async function attackerSocket(port: number): Promise<Socket> {
  const socket = connect({ port, host: "127.0.0.1", localAddress: ATTACKER });
  socket.on("error", () => {});
  await Promise.race([once(socket, "connect"), once(socket, "close")]);
  return socket;
}

/** A connection that has become a WebSocket in the default namespace; undefined when the server refused. */
export async function attackerWebSocket(port: number): Promise<Socket | undefined> {
  const socket = await attackerSocket(port);
  socket.write(
    `GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\n` +
      "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
  );
  if (!(await until(socket, "0{"))) return undefined;
  socket.write(frame(Buffer.from("40")));
  return (await until(socket, "40{")) ? socket : undefined;
}

/** A masked frame; the mask stays zero, which leaves the payload as it is. */
export function frame(payload: Buffer, opcode = 1): Buffer {
  const size = payload.length;
  const head = Buffer.alloc(size > 65_535 ? 14 : size > 125 ? 8 : 6);
  head[0] = 0x80 | opcode;
  head[1] = 0x80 | (size > 65_535 ? 127 : size > 125 ? 126 : size);
  if (size > 65_535) head.writeBigUInt64BE(BigInt(size), 2);
  else if (size > 125) head.writeUInt16BE(size, 2);
  return Buffer.concat([head, payload]);
}

/** Whether `text` came before the connection ended. */
function until(socket: Socket, text: string): Promise<boolean> {
  return new Promise((resolve) => {
    let came = "";
    const done = (found: boolean) => {
      socket.off("data", onData);
      socket.off("close", onClose);
      resolve(found);
    };
    const onData = (chunk: Buffer) => {
      came += chunk.toString("latin1");
      if (came.includes(text)) done(true);
    };
    const onClose = () => done(false);
    socket.on("data", onData);
    socket.on("close", onClose);
    if (socket.destroyed) done(false);
  });
}
