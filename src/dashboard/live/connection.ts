import { io, type Socket } from "socket.io-client";
import type { ClientToServerEvents, ServerToClientEvents } from "../../contract/index.ts";

/** Milliseconds before a connection that the server ended, or refused for a passing reason, is tried again. */
const RETRY_MS = 3_000;

export interface ConnectionEvents {
  /** Connected, and every stream is subscribed: from here on nothing is missed. */
  readonly onSubscribed: () => void;
  /** The connection is lost; it is being made again. */
  readonly onInterrupted: () => void;
  /** An attempt failed. With `unauthorized` the server wants another token and no further attempt is made. */
  readonly onRefused: (unauthorized: boolean) => void;
  readonly onResources: ServerToClientEvents["system_resources_update"];
  readonly onModelStatus: ServerToClientEvents["model_status_update"];
  readonly onActivity: ServerToClientEvents["activity_stream"];
  readonly onAlert: ServerToClientEvents["system_alerts"];
  readonly onDeploymentEvent: ServerToClientEvents["deployment_events"];
}

/** Connects to the server this page came from, subscribes to all streams, and goes on doing so until disposed. */
export function openConnection(token: string | undefined, events: ConnectionEvents): Disposable {
  const socket: Socket<ServerToClientEvents, ClientToServerEvents> = io({
    // WebSocket at once where it works; polling where a proxy does not let it through.
    transports: ["websocket", "polling"],
    tryAllTransports: true,
    auth: token === undefined ? {} : { token },
    reconnectionDelay: 500,
    reconnectionDelayMax: 5_000,
    forceNew: true,
  });
  let retry: ReturnType<typeof setTimeout> | undefined;
  const connectLater = () => {
    clearTimeout(retry);
    retry = setTimeout(() => socket.connect(), RETRY_MS);
  };

  socket.on("connect", () => {
    socket.emit("subscribe_all", (answer) => {
      if ("code" in answer) {
        socket.disconnect();
        connectLater();
      } else {
        events.onSubscribed();
      }
    });
  });
  socket.on("disconnect", (reason) => {
    events.onInterrupted();
    // The one case in which socket.io-client does not come back by itself.
    if (reason === "io server disconnect") connectLater();
  });
  socket.on("connect_error", (error) => {
    const unauthorized = isUnauthorized(error);
    // Not active: the server's middleware refused, and socket.io-client leaves it at that.
    if (!socket.active && !unauthorized) connectLater();
    events.onRefused(unauthorized);
  });
  socket.on("system_resources_update", events.onResources);
  socket.on("model_status_update", events.onModelStatus);
  socket.on("activity_stream", events.onActivity);
  socket.on("system_alerts", events.onAlert);
  socket.on("deployment_events", events.onDeploymentEvent);

  return {
    [Symbol.dispose]() {
      clearTimeout(retry);
      socket.off();
      socket.disconnect();
    },
  };
}

/** The server's middleware says why in `data.code`, with the codes of the REST API. */
function isUnauthorized(error: Error): boolean {
  if (!("data" in error)) return false;
  const { data } = error;
  return typeof data === "object" && data !== null && "code" in data && data.code === "unauthorized";
}
