import { hostname } from "node:os";
import type { ExtendedError, Socket } from "socket.io";
import type { Clock } from "../clock.ts";
import type { Config } from "../config.ts";
import { ProblemError } from "../contract/index.ts";
import type { Store } from "../store/store.ts";
import { type HostRules, hostAllowed, originAllowed } from "./origin.ts";
import { accepts, type TokenRule, tokenRule } from "./tokens.ts";

const TOKEN_NEEDED = "A valid token is needed: send it as Authorization: Bearer …, on Socket.IO as auth.token.";

/** Who may call this server, from where, and with what. */
export class Access {
  /** The token made at this start, to be shown once; undefined when there was no need for one. */
  readonly generatedToken: string | undefined;
  readonly #hosts: HostRules;
  readonly #tokens: TokenRule;

  constructor(parts: { config: Config; store: Store; clock: Clock }) {
    const { config, store, clock } = parts;
    this.#hosts = {
      hostNames: [hostname(), config.host, ...config.allowedHosts].map((name) => name.toLowerCase()),
      origins: config.corsOrigins,
    };
    this.#tokens = tokenRule({ configured: config.authToken, host: config.host, store, clock });
    this.generatedToken = this.#tokens.generated;
  }

  /**
   * Whether a request may reach anything at all, on HTTP, polling and WebSocket alike.
   *
   * @returns what is wrong with its Host or Origin, undefined when nothing is.
   */
  refusal(headers: Headers): ProblemError | undefined {
    const host = headers.get("host");
    if (!hostAllowed(host, this.#hosts)) {
      const detail = `This server does not answer to the name ${JSON.stringify(host)}; ALLOWED_HOSTS can add it.`;
      return new ProblemError("host_not_allowed", detail);
    }
    const origin = headers.get("origin");
    if (!originAllowed(origin, host, this.#hosts)) {
      const detail = `Pages from ${JSON.stringify(origin)} may not call this server; CORS_ORIGINS can allow them.`;
      return new ProblemError("origin_not_allowed", detail);
    }
    return undefined;
  }

  /** @throws ProblemError `unauthorized` when a token is needed and `headers` bear none that is valid. */
  requireToken(headers: Headers): void {
    if (!accepts(this.#tokens, bearer(headers.get("authorization") ?? undefined))) {
      throw new ProblemError("unauthorized", TOKEN_NEEDED);
    }
  }

  /** Socket.IO's middleware: the token comes in `auth.token` or in the Authorization header of the handshake. */
  readonly socketMiddleware = (socket: Pick<Socket, "handshake">, next: (error?: ExtendedError) => void): void => {
    const { auth, headers } = socket.handshake;
    const token = typeof auth.token === "string" ? auth.token : bearer(headers.authorization);
    if (accepts(this.#tokens, token)) next();
    else next(Object.assign(new Error("unauthorized"), { data: { code: "unauthorized", message: TOKEN_NEEDED } }));
  };
}

function bearer(authorization: string | undefined): string | undefined {
  return /^Bearer +(\S+)$/i.exec(authorization ?? "")?.[1];
}
