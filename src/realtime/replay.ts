import type { EventStreamName, ReplayOptions } from "../contract/index.ts";
import { streams } from "../contract/index.ts";
import type { EventLog } from "../store/event-log.ts";
import { eventEnvelope } from "./envelopes.ts";
import type { IoSocket } from "./io.ts";

/** Events read and sent between two looks at whether the client keeps up. */
const BATCH = 200;

/**
 * The `seq` to replay after: what the number or id in `after` stands for.
 *
 * @returns undefined when `after` is not of this stream or newer than anything sent.
 */
export function replayStart(log: EventLog, after: NonNullable<ReplayOptions["after"]>): number | undefined {
  const seq = typeof after === "number" ? after : log.seqOf(after);
  return seq !== undefined && seq <= log.newest() ? seq : undefined;
}

/**
 * Sends `socket` everything newer than `seq`, oldest first, and then lets it into the live room.
 *
 * 1. Read: batches from the store, each sent before the next is read, waiting while the client has too much unsent.
 * 2. Cutover: a batch that is not full was the end of the log. Reading it, sending it and joining the room happen in
 *    one turn of the event loop, in which nothing can be committed; so there is no gap and nothing comes twice.
 * 3. Live: the room.
 *
 * The store itself is the buffer for what is committed meanwhile, so a long replay costs no memory.
 *
 * @param drained resolves when the client has little enough unsent; rejects when it is gone.
 */
export async function replay(
  socket: IoSocket,
  stream: EventStreamName,
  log: EventLog,
  seq: number,
  signal: AbortSignal,
  drained: () => Promise<void>,
): Promise<void> {
  let cursor = seq;
  while (!signal.aborted) {
    const batch = log.after(cursor, BATCH);
    for (const event of batch) {
      // The log of a stream holds that stream's events; the union over streams cannot express that to TypeScript.
      socket.emit(streams[stream].event, eventEnvelope(stream, event, true) as never);
      cursor = event.seq;
    }
    if (batch.length < BATCH) {
      socket.join(stream);
      return;
    }
    await drained();
  }
}
