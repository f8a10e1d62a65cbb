import { io, type Socket } from "socket.io-client";

export type Transport = "websocket" | "polling";

/** A client as the document's example makes one, that keeps what it receives. */
export interface TestClient extends Disposable {
  readonly socket: Socket;
  /** Every event received so far, in order, with all its arguments. */
  readonly received: { readonly event: string; readonly args: readonly unknown[] }[];
  /** Resolves to the payload of the first event of this name, from now or not yet taken, that fits. */
  next(event: string, fits?: (payload: Payload) => boolean): Promise<Payload>;
  /** Emits and resolves to what the acknowledgement callback got. */
  ask(event: string, ...args: unknown[]): Promise<Payload>;
}

/** Payloads are looked into freely by tests; the schemas check them where it matters. */
// biome-ignore lint/suspicious/noExplicitAny: a test asserts on the fields it names
export type Payload = any;

/** Longest wait for anything: two model status ticks and room for a busy machine. */
const WAIT_MS = 20_000;

export async function connectClient(url: string, transport: Transport, options: object = {}): Promise<TestClient> {
  const socket = io(url, { transports: [transport], forceNew: true, reconnectionDelay: 50, ...options });
  const received: { event: string; args: unknown[] }[] = [];
  const taken = new Set<object>();
  const waiting = new Set<() => void>();
  socket.onAny((event: string, ...args: unknown[]) => {
    received.push({ event, args });
    for (const look of waiting) look();
  });
  const client: TestClient = {
    socket,
    received,
    next(event, fits = () => true) {
      return new Promise((resolve, reject) => {
        const look = () => {
          const found = received.find((entry) => entry.event === event && !taken.has(entry) && fits(entry.args[0]));
          if (!found) return;
          taken.add(found);
          waiting.delete(look);
          clearTimeout(timer);
          resolve(found.args[0]);
        };
        const timer = setTimeout(() => {
          waiting.delete(look);
          const names = received.map((entry) => entry.event).join(", ");
          reject(new Error(`no fitting ${event} arrived within ${WAIT_MS} ms; received: ${names || "nothing"}`));
        }, WAIT_MS);
        waiting.add(look);
        look();
      });
    },
    ask: (event, ...args) => socket.timeout(WAIT_MS).emitWithAck(event, ...args),
    [Symbol.dispose]: () => void socket.disconnect(),
  };
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", () => resolve());
    socket.once("connect_error", (error) => {
      socket.disconnect();
      reject(error);
    });
  });
  return client;
}
