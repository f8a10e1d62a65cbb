import { connect } from "node:net";
import { Server, type ServerOptions, type Socket } from "socket.io";
import type { Host, HostOptions, Listening, SocketOptions } from "../../src/host/host.ts";
import { topicAdapter } from "../../src/realtime/topic-adapter.ts";

/** A host that listens on a free port with a bare Socket.IO server. */
export interface RunningHost {
  readonly port: number;
  readonly url: string;
  readonly io: Server;
  readonly listening: Listening;
  /** What the host reported as a fault. */
  readonly errors: unknown[];
}

export interface Overrides extends Partial<Pick<HostOptions, "fetch" | "admit" | "hostname" | "port" | "tls">> {
  readonly socket?: Partial<SocketOptions>;
  readonly connectTimeout?: number;
  /** More options of the Socket.IO server, such as another adapter. */
  readonly server?: Partial<ServerOptions>;
  /** Called for each socket as it connects. */
  readonly onConnection?: (socket: Socket) => void;
}

/** Runs `use` against a server, and stops it whatever happens. */
export async function withHost(
  host: Host,
  overrides: Overrides,
  use: (running: RunningHost) => Promise<void>,
): Promise<void> {
  const errors: unknown[] = [];
  const compression = overrides.socket?.compression ?? false;
  const io = new Server({
    serveClient: false,
    connectTimeout: overrides.connectTimeout ?? 10_000,
    adapter: topicAdapter({ topics: host.topics, sessions: undefined, compress: compression }),
    ...overrides.server,
  });
  if (overrides.onConnection) io.on("connection", overrides.onConnection);
  const listening = await host.listen({
    hostname: overrides.hostname ?? "127.0.0.1",
    port: overrides.port ?? 0,
    fetch: overrides.fetch ?? (() => new Response("not Socket.IO")),
    admit: overrides.admit ?? (() => undefined),
    io,
    tls: overrides.tls,
    socket: {
      path: "/socket.io/",
      pingIntervalMs: 25_000,
      pingTimeoutMs: 20_000,
      maxPayloadBytes: 10_000,
      compression: false,
      backlogBytes: 1_048_576,
      corsOrigins: [],
      ...overrides.socket,
    },
    onError: (error) => errors.push(error),
  });
  const { port } = listening;
  try {
    await use({ port, url: `${overrides.tls ? "https" : "http"}://127.0.0.1:${port}`, io, listening, errors });
  } finally {
    const closing = listening.close(100);
    await io.close();
    await closing;
  }
}

/** Sends `text` as it is and returns the status of the answer; 0 when the connection ended without one. */
export function statusOf(port: number, text: string): Promise<number> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(text));
    let answer = "";
    const done = () => {
      resolve(Number(/^HTTP\/1\.[01] (\d{3})/.exec(answer)?.[1] ?? 0));
      socket.destroy();
    };
    socket.on("data", (chunk) => {
      answer += chunk.toString("latin1");
      if (answer.includes("\r\n")) done();
    });
    socket.on("error", done);
    socket.on("close", done);
  });
}

/** An Engine.IO handshake by polling; returns the session id. */
export async function handshake(url: string): Promise<string> {
  const response = await fetch(`${url}/socket.io/?EIO=4&transport=polling`);
  const open: { sid: string } = JSON.parse((await response.text()).slice(1));
  return open.sid;
}
