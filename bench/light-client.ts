/**
 * A Socket.IO client that does as little as possible: it speaks the protocol by hand over one WebSocket, so that a load
 * generator's own cost does not hide the server's.
 */
export interface LightClient {
  /** Sends an event with an optional payload. */
  emit(event: string, payload?: unknown): void;
  close(): void;
}

/** Connects and resolves once the namespace is joined. `onEvent` gets each event as the text `["name",…]`. */
export function lightClient(url: string, onEvent: (text: string) => void): Promise<LightClient> {
  const socket = new WebSocket(`${url.replace("http", "ws")}/socket.io/?EIO=4&transport=websocket`);
  return new Promise((resolve, reject) => {
    socket.onerror = () => reject(new Error(`cannot connect to ${url}`));
    socket.onmessage = ({ data }) => {
      const text = String(data);
      if (text.startsWith("42")) onEvent(text.slice(2));
      else if (text === "2") socket.send("3");
      else if (text.startsWith("0")) socket.send("40");
      else if (text.startsWith("40")) {
        resolve({
          emit: (event, payload) =>
            socket.send(`42${JSON.stringify(payload === undefined ? [event] : [event, payload])}`),
          close: () => socket.close(),
        });
      }
    };
  });
}
