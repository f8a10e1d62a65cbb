/**
 * Why `fetch` got no answer from `url`, in the same words on every runtime. Bun puts a system's code on the error, Node
 * on its cause, and Deno only describes it in the cause's message.
 */
export function connectFailure(error: unknown, url: string, host: string): { reason: string; hint: string } {
  // Deno's messages hold the address, whose words are not the error's.
  const said = chain(error).replaceAll(url, "");
  const kind = KINDS.find(({ pattern }) => pattern.test(said));
  if (kind) return { reason: kind.reason(url, host), hint: kind.hint };
  return { reason: `cannot reach ${url}: ${innermost(error)}`, hint: "Check health.scheme, host and port." };
}

/** Whether nobody listened there. */
export function isRefused(error: unknown): boolean {
  return REFUSED.test(chain(error));
}

interface Kind {
  readonly pattern: RegExp;
  readonly reason: (url: string, host: string) => string;
  readonly hint: string;
}

const REFUSED = /ECONNREFUSED|connection refused/i;

const KINDS: readonly Kind[] = [
  {
    pattern: REFUSED,
    reason: (url) => `connection refused at ${url}`,
    hint: "Check that the engine runs and listens on this host and port.",
  },
  {
    pattern: /ENOTFOUND|EAI_AGAIN|dns error/i,
    reason: (url, host) => `unknown host ${host} in ${url}`,
    hint: "Check the host's name and that this machine can resolve it.",
  },
  {
    pattern: /EHOSTUNREACH|ENETUNREACH|unreachable/i,
    reason: (url) => `no route to ${url}`,
    hint: "Check the host's address and this machine's network.",
  },
  {
    // https://fetch.spec.whatwg.org/#port-blocking, which Deno and Node keep to and Bun does not.
    pattern: /bad port|requests to port/i,
    reason: (url) => `this runtime does not connect to the port of ${url}`,
    hint: "Have the engine listen on another port, or run this server with Bun.",
  },
  {
    // The TLS codes come before the plain resets: Bun reports a failed handshake as a closed connection, too.
    pattern: /EPROTO|ERR_SSL|TLS|certificate|SELF_SIGNED|corrupt message/i,
    reason: (url) => `TLS failed at ${url}`,
    hint: "Check health.scheme, and that this machine trusts the endpoint's certificate.",
  },
  {
    pattern: /ECONNRESET|UND_ERR_SOCKET|EPIPE|closed|reset/i,
    reason: (url) => `connection closed without an answer at ${url}`,
    hint: "Check that an HTTP server listens on this port.",
  },
];

/** Code and message of an error and of everything that caused it. */
function chain(error: unknown): string {
  const parts: string[] = [];
  for (let at = error; at instanceof Error && parts.length < 8; at = at.cause) {
    parts.push("code" in at ? String(at.code) : "", at.message);
  }
  return parts.join(" ");
}

/** The most telling message, on one line of a bearable length. */
function innermost(error: unknown): string {
  let at = error;
  for (let depth = 0; depth < 4 && at instanceof Error && at.cause instanceof Error; depth++) at = at.cause;
  const message = at instanceof Error ? at.message : String(at);
  return message.replace(/\s+/g, " ").slice(0, 200);
}
