/** What every server in this benchmark sends: an event of the usual size. */
const NAME = "system_resources_update";
/** Bytes of the encoded Socket.IO packet, as measured on real `system_resources_update` events. */
const PACKET_BYTES = 975;

export const ROOM = "room";

const envelope = (padding: string) => ({ event_type: NAME, timestamp: "2025-01-01T12:00:00.000Z", data: padding });
const encode = (padding: string) => `42${JSON.stringify([NAME, envelope(padding)])}`;

export const event = {
  name: NAME,
  payload: envelope("x".repeat(PACKET_BYTES - encode("").length)),
};

/** The same as the text frame that goes over the wire. */
export const encodedEvent = encode(event.payload.data);

/** Bytes of that frame with its header of four: above 125 bytes the length takes two more. */
export const FRAME_BYTES = encodedEvent.length + 4;

/** Asks a server for `events` broadcasts, one every `everyMs`. */
export interface LoadRequest {
  readonly events: number;
  readonly everyMs: number;
}

/** CPU time, user and system, that the server spent from the first broadcast until all were handed over. */
export interface LoadResult {
  readonly cpuMicros: number;
}

/** Milliseconds in which a server hands over what it still has to after the last broadcast. */
const SETTLE_MS = 200;

/** Says where the server listens, then broadcasts whenever standard input asks for it, until that ends. */
export async function serveLoad(port: number, broadcast: () => void): Promise<void> {
  console.log(JSON.stringify({ port }));
  const { createInterface } = await import("node:readline");
  for await (const line of createInterface({ input: process.stdin })) {
    const request: LoadRequest = JSON.parse(line);
    const before = process.cpuUsage();
    await paced(request, broadcast);
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
    const { user, system } = process.cpuUsage(before);
    const result: LoadResult = { cpuMicros: user + system };
    console.log(JSON.stringify(result));
  }
  process.exit();
}

/** On a grid, so that a late broadcast does not delay those after it. */
function paced({ events, everyMs }: LoadRequest, broadcast: () => void): Promise<void> {
  const start = performance.now();
  let sent = 0;
  return new Promise((resolve) => {
    const next = () => {
      broadcast();
      sent += 1;
      if (sent === events) resolve();
      else setTimeout(next, Math.max(0, start + sent * everyMs - performance.now()));
    };
    next();
  });
}
