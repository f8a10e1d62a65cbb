import { createServer, type ServerResponse } from "node:http";
import { isHost } from "./engine-requests.ts";
import { listenError } from "./listen-error.ts";

/** Milliseconds a request's head may take; there is no body worth waiting for. */
const HEADERS_TIMEOUT_MS = 5_000;

export interface RedirectOptions {
  readonly hostname: string;
  /** 0 picks a free port. */
  readonly port: number;
  /** Where TLS is spoken. */
  readonly securePort: number;
  /** Whether the server does not answer to the name in this Host header. */
  readonly refuses: (host: string) => boolean;
}

/**
 * Sends whoever comes by plain HTTP to the same address over TLS. Only what reads is sent on: a command has already told
 * its token to everybody on the way, and must fail where it is seen.
 *
 * @throws ListenError
 */
export async function listenRedirect(options: RedirectOptions): Promise<AsyncDisposable & { readonly port: number }> {
  const { hostname, port, securePort, refuses } = options;
  const server = createServer({ headersTimeout: HEADERS_TIMEOUT_MS, requestTimeout: HEADERS_TIMEOUT_MS });
  server.on("request", (request, response) => {
    const { host } = request.headers;
    const target = request.url ?? "";
    if (!isHost(host) || !target.startsWith("/")) return answer(response, 400, "Bad request\n");
    if (refuses(host)) return answer(response, 403, "This server does not answer to that name\n");
    if (request.method !== "GET" && request.method !== "HEAD") return answer(response, 403, "Use HTTPS\n");
    const name = host.replace(/:\d+$/, "");
    const address = securePort === 443 ? name : `${name}:${securePort}`;
    answer(response, 308, "Use HTTPS\n", { location: `https://${address}${target}` });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => reject(listenError(hostname, port, error)));
    server.listen(port, hostname, resolve);
  });
  const address = server.address();
  return {
    port: typeof address === "object" && address ? address.port : port,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

function answer(response: ServerResponse, status: number, text: string, headers: Record<string, string> = {}): void {
  response.writeHead(status, { "content-type": "text/plain; charset=utf-8", connection: "close", ...headers });
  response.end(text);
}
