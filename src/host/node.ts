import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from "node:http";
import { createServer as createTlsServer, type Server as TlsServer } from "node:https";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { getRequestListener } from "@hono/node-server";
import { badHost, internalError, isHost } from "./engine-requests.ts";
import type { Host, HostOptions, Listening } from "./host.ts";
import { listenError } from "./listen-error.ts";
import { NodeEngine, peerOf } from "./node-engine.ts";

/** Milliseconds a client may take for a request's headers, and for all of it; slower ones hold connections open. */
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 30_000;
/** How often Node looks for those that exceed them. */
const TIMEOUT_CHECK_MS = 2_000;

/** node:http with Socket.IO's own engine, for Node and Deno. */
export function nodeHost(): Host {
  return {
    name: "Deno" in globalThis ? "deno" : "node",
    async listen(options) {
      const engine = new NodeEngine(options);
      const connections = new Set<Socket>();
      const server = serve(options, engine);
      server.on(options.tls ? "secureConnection" : "connection", (socket: Socket) => {
        connections.add(socket);
        socket.once("close", () => connections.delete(socket));
      });
      await bind(server, options);
      return listening(server, engine, options.hostname, connections);
    },
  };
}

function serve(options: HostOptions, engine: NodeEngine): Server | TlsServer {
  const answer = getRequestListener((request, { incoming }) => options.fetch(request, { address: peerOf(incoming) }), {
    // The runtime's own Request and Response stay what they are.
    overrideGlobalObjects: false,
    errorHandler(error) {
      options.onError(error);
      return internalError();
    },
  });
  const timeouts = {
    headersTimeout: HEADERS_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    connectionsCheckingInterval: TIMEOUT_CHECK_MS,
  };
  const server = options.tls
    ? createTlsServer({ ...timeouts, handshakeTimeout: HEADERS_TIMEOUT_MS, ...options.tls })
    : createServer(timeouts);
  server.on("request", (request, response) => {
    try {
      const url = targetOf(request);
      if (!url) return send(response, badHost());
      if (url.pathname !== options.socket.path) return void answer(request, response);
      const refused = engine.request(request, response, url.searchParams);
      if (refused) send(response, refused);
    } catch (error) {
      options.onError(error);
      send(response, internalError());
    }
  });
  server.on("upgrade", (request, socket, head) => {
    try {
      const url = targetOf(request);
      const refused =
        url?.pathname === options.socket.path
          ? engine.upgrade(request, socket, head, url.searchParams)
          : url
            ? new Response("There is no WebSocket here.\n", { status: 404 })
            : badHost();
      if (refused) sendRaw(socket, refused);
    } catch (error) {
      options.onError(error);
      sendRaw(socket, internalError());
    }
  });
  return server;
}

/** The URL that is asked for; of an absolute one only its path counts, since its host is not what was checked. */
function targetOf(request: IncomingMessage): URL | undefined {
  const { host } = request.headers;
  if (!isHost(host)) return undefined;
  const target = request.url ?? "";
  if (target.startsWith("/")) return URL.parse(`http://${host}${target}`) ?? undefined;
  const absolute = URL.parse(target);
  if (absolute?.protocol !== "http:" && absolute?.protocol !== "https:") return undefined;
  request.url = absolute.pathname + absolute.search;
  return URL.parse(`http://${host}${request.url}`) ?? undefined;
}

/** Answers a request whose body is not wanted, and ends the connection that may still carry it. */
function send(response: ServerResponse, answer: Response): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  response.writeHead(answer.status, { ...Object.fromEntries(answer.headers), connection: "close" });
  answer.text().then(
    (body) => response.end(body),
    () => response.destroy(),
  );
}

/** The same for a request that asked to become a WebSocket, where there is only the connection to write to. */
function sendRaw(socket: Duplex, answer: Response): void {
  // The peer may be gone; there is nobody to tell.
  socket.on("error", () => {});
  const head = [...answer.headers].map(([name, value]) => `${name}: ${value}\r\n`).join("");
  answer.text().then(
    (body) => {
      const length = `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n`;
      socket.end(`HTTP/1.1 ${answer.status} ${STATUS_CODES[answer.status] ?? ""}\r\n${head}${length}\r\n${body}`);
    },
    () => socket.destroy(),
  );
}

function bind(server: Server | TlsServer, { hostname, port, onError }: HostOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (error: unknown) => reject(listenError(hostname, port, error));
    server.once("error", failed);
    server.listen(port, hostname, () => {
      server.off("error", failed);
      server.on("error", onError);
      resolve();
    });
  });
}

function listening(
  server: Server | TlsServer,
  engine: NodeEngine,
  hostname: string,
  connections: Set<Socket>,
): Listening {
  const address = server.address();
  return {
    hostname,
    port: typeof address === "object" && address ? address.port : 0,
    renew(tls) {
      if ("setSecureContext" in server) server.setSecureContext(tls);
    },
    async close(deadlineMs) {
      engine.stopAccepting();
      const ended = new Promise<void>((resolve) => server.close(() => resolve()));
      // A connection that becomes idle from now on must not be kept for another request.
      server.on("request", (_request, response) => response.once("close", () => server.closeIdleConnections()));
      const timer = setTimeout(() => {
        for (const connection of connections) connection.destroy();
      }, deadlineMs);
      await ended;
      clearTimeout(timer);
    },
  };
}
