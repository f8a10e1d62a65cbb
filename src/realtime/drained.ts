import type { Clock } from "../clock.ts";
import type { IoSocket } from "./io.ts";

/** Milliseconds between two looks at a client that has much unsent; neither Bun nor Node tells for a single socket. */
const LOOK_MS = 20;

/** Resolves once `socket` has at most `limit` bytes unsent, at once if it has; rejects when it is disconnected. */
export async function drained(
  socket: IoSocket,
  unsentBytes: (socket: IoSocket) => number,
  limit: number,
  clock: Clock,
): Promise<void> {
  do {
    // Also when nothing is unsent: a long replay must not keep other clients waiting.
    await new Promise<void>((resolve) => void clock.after(unsentBytes(socket) > limit ? LOOK_MS : 0, resolve));
    if (!socket.connected) throw new Error("disconnected");
  } while (unsentBytes(socket) > limit);
}
