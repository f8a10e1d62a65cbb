import type { LogFrame } from "../../../src/deployments/drivers/docker/log-frames.ts";

/** As the Engine writes it. */
export function encodeFrame({ stream, time, bytes, partial }: LogFrame): Uint8Array {
  const stamp = `${new Date(time).toISOString().slice(0, -1)}456789Z `;
  const content = Buffer.concat([Buffer.from(stamp), bytes, Buffer.from(partial ? "" : "\n")]);
  const header = Buffer.alloc(8);
  header[0] = stream === "stderr" ? 2 : 1;
  header.writeUInt32BE(content.length, 4);
  return Buffer.concat([header, content]);
}
