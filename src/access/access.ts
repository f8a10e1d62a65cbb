import { hostname } from "node:os";
import type { Activities } from "../activities/activities.ts";
import type { Clock } from "../clock.ts";
import type { Config } from "../config.ts";
import { type AccessEnded, type Actor, type Need, ProblemError, type Token } from "../contract/index.ts";
import type { Store } from "../store/store.ts";
import { type Caller, type Peer, requireScope, scopesOf } from "./caller.ts";
import { sessionSecret } from "./cookies.ts";
import { FailedSignIns } from "./failed-sign-ins.ts";
import { configuredCaller, openCaller, sessionCaller, tokenCaller } from "./known-callers.ts";
import { LiveCallers } from "./live.ts";
import { isOpen } from "./open.ts";
import { type HostRules, hostAllowed, originAllowed } from "./origin.ts";
import { TrustedProxies } from "./peer.ts";
import { sameHash, sha256 } from "./secrets.ts";
import { type SessionHolder, type SessionRow, Sessions } from "./sessions.ts";
import { roleOf, Tokens } from "./tokens.ts";

const TOKEN_NEEDED = "A valid token is needed: send it as Authorization: Bearer …, on Socket.IO as auth.token.";

/** What a request or a handshake shows. */
export interface Shown {
  readonly headers: Headers;
  readonly peer: Peer;
  /** Whether the request may change something, so that a cookie alone is not enough. */
  readonly changes: boolean;
  /** A token that came in another way than in the Authorization header. */
  readonly token?: string | undefined;
}

export interface AccessParts {
  readonly config: Config;
  readonly store: Store;
  readonly activities: Pick<Activities, "record">;
  readonly clock: Clock;
  readonly onError: (error: unknown) => void;
}

/** Who may call this server, from where, and with what. */
export class Access implements Disposable {
  /** The token made at this start, to be shown once; undefined when there was no need for one. */
  readonly generatedToken: string | undefined;
  readonly tokens: Tokens;
  readonly live: LiveCallers;
  readonly #hosts: HostRules;
  readonly #proxies: TrustedProxies;
  readonly #configured: Buffer | undefined;
  /** Whether who shows nothing may do everything. */
  readonly #open: boolean;
  readonly #sessions: Sessions;
  readonly #failed: FailedSignIns;
  readonly #parts: AccessParts;
  readonly #stack = new DisposableStack();

  constructor(parts: AccessParts) {
    const { config, store, clock, onError } = parts;
    this.#parts = parts;
    this.#hosts = {
      hostNames: [hostname(), config.host, ...config.allowedHosts].map((name) => name.toLowerCase()),
      origins: config.corsOrigins,
    };
    this.#proxies = new TrustedProxies(config.trustedProxies);
    this.#configured = config.authToken === undefined ? undefined : sha256(config.authToken);
    this.#open = isOpen(config);
    this.tokens = this.#stack.use(new Tokens({ ...parts, spareAdmin: this.#open || this.#configured !== undefined }));
    this.live = this.#stack.use(
      new LiveCallers({
        clock,
        onError,
        holds: (caller) => this.#holds(caller),
        onUse: (caller) => this.#noteUse(caller),
      }),
    );
    this.#sessions = this.#stack.use(
      new Sessions({
        store,
        clock,
        onError,
        idleMs: config.sessionIdleMinutes * 60_000,
        configured: this.#configured,
        onEnded: (id) => this.#endSession(id, "session_expired", "There are too many sessions; sign in again."),
      }),
    );
    this.#failed = this.#stack.use(new FailedSignIns(parts));
    this.generatedToken = this.#bootstrap();
  }

  /** Where a request really came from. */
  peer(connection: { readonly address: string; readonly secure?: boolean }, headers: Headers): Peer {
    return this.#proxies.peer({ address: connection.address, secure: connection.secure ?? false }, headers);
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

  /**
   * Who is calling. A token that is shown must be good, also where none is needed; a cookie that is not is as none.
   *
   * @throws ProblemError `unauthorized`.
   */
  authenticate(shown: Shown): Caller {
    const { headers, peer } = shown;
    const token = shown.token ?? bearer(headers.get("authorization"));
    if (token !== undefined) return this.#byToken(token, peer);
    const session = this.session(shown);
    if (session) {
      this.#sessions.noteUse(session.id);
      return sessionCaller(session, peer);
    }
    if (!this.#open) throw new ProblemError("unauthorized", TOKEN_NEEDED);
    return openCaller(peer);
  }

  /**
   * Who is calling, if they may do what they are about to.
   *
   * @throws ProblemError `unauthorized`, or `forbidden` naming the scope.
   */
  authorize(shown: Shown, need: Need): Caller {
    const caller = this.authenticate(shown);
    requireScope(caller, need);
    return caller;
  }

  /** The session that the request's cookie stands for, if it is one and no page from elsewhere can have sent it. */
  session({ headers, peer, changes }: Shown): SessionRow | undefined {
    const secret = sessionSecret(headers, peer);
    if (secret === undefined || !fromOwnPage(headers, changes)) return undefined;
    const row = this.#sessions.find(secret);
    if (!row || row.tokenId === null) return row;
    return this.tokens.isActive(row.tokenId) ? row : undefined;
  }

  /**
   * Exchanges a token for a session.
   *
   * @returns the session's caller and the secret for its cookie. @throws ProblemError `unauthorized`; StorageError.
   */
  signIn(token: string, peer: Peer): { caller: Caller; secret: string } {
    const by = this.#byToken(token, peer);
    return this.openSession(
      {
        name: by.name,
        role: by.role,
        scopes: by.role === null ? [...by.scopes] : null,
        tokenId: by.tokenId,
        configured: by.tokenId === null,
        expiresAt: by.expiresAt,
      },
      peer,
    );
  }

  /** Makes a session for who has shown elsewhere that they are `holder`. */
  openSession(holder: SessionHolder, peer: Peer): { caller: Caller; secret: string } {
    const actor: Actor = { kind: "session", name: holder.name, role: holder.role, address: peer.address || null };
    const { row, secret } = this.#sessions.create(holder, (tx) =>
      this.#parts.activities.record(tx, inHistory(`${holder.name} signed in`, actor)),
    );
    return { caller: sessionCaller(row, peer), secret };
  }

  /** Ends the session of a request's cookie, and what is open on its behalf. Harmless where there is none. */
  signOut(shown: Shown): void {
    const row = this.session(shown);
    if (!row) return;
    const { name } = row;
    const actor: Actor = { kind: "session", name, role: roleOf(row.role), address: shown.peer.address || null };
    this.#sessions.remove(row.id, (tx) => this.#parts.activities.record(tx, inHistory(`${name} signed out`, actor)));
    this.#endSession(row.id, "signed_out", "You have signed out.");
  }

  /** Revokes a token and ends what is open on its behalf, its sessions' included. @see Tokens.revoke */
  revokeToken(tokenId: string, options: { readonly force: boolean; readonly actor: Actor }): Token {
    const token = this.tokens.revoke(tokenId, options);
    this.live.end((caller) => caller.tokenId !== null && `tok-${caller.tokenId}` === token.token_id, {
      code: "token_revoked",
      message: "The token was revoked; another one is needed.",
    });
    return token;
  }

  [Symbol.dispose](): void {
    this.#stack.dispose();
  }

  #byToken(token: string, peer: Peer): Caller {
    if (this.#configured && sameHash(this.#configured, sha256(token))) return configuredCaller(peer);
    const row = this.tokens.find(token);
    const state = row ? this.tokens.stateOf(row) : "unknown";
    if (!row || state !== "active") {
      this.#failed.note(peer.address);
      throw new ProblemError("unauthorized", `${WHY_NOT[state]} ${TOKEN_NEEDED}`);
    }
    this.tokens.noteUse(row.id);
    return tokenCaller(row, peer);
  }

  #noteUse(caller: Caller): void {
    if (caller.kind === "session") this.#sessions.noteUse(numberOf(caller.id));
    else if (caller.tokenId !== null) this.tokens.noteUse(caller.tokenId);
  }

  /** Whether what let `caller` in still does. */
  #holds({ kind, id, tokenId }: Caller): boolean {
    if (kind === "session" && !this.#sessions.has(numberOf(id))) return false;
    return tokenId === null || this.tokens.isActive(tokenId);
  }

  #endSession(id: number, code: AccessEnded["code"], message: string): void {
    this.live.end((caller) => caller.id === `session:${id}`, { code, message });
  }

  /** Where a token is needed and nobody can have one that makes others, makes one. */
  #bootstrap(): string | undefined {
    if (this.#open || this.#configured || this.tokens.hasAdmin()) return undefined;
    const actor: Actor = { kind: "console", name: "llm-manager", role: "admin", address: null };
    const made = this.tokens.create(
      { name: "first start", role: "admin" },
      { scopes: scopesOf({ role: "admin", scopes: null }), actor },
    );
    return made.token;
  }
}

/** Why a token does not let its bearer in. */
const WHY_NOT = {
  active: "",
  expired: "This token has expired.",
  revoked: "This token was revoked.",
  unknown: "This server does not know the token.",
} as const;

/**
 * Whether a request with a cookie comes from our own page. Browsers send it along also for pages on another port of the
 * same host, which CORS_ORIGINS may allow to call with a token, but never as somebody who is signed in here.
 */
function fromOwnPage(headers: Headers, changes: boolean): boolean {
  const origin = headers.get("origin");
  const site = headers.get("sec-fetch-site");
  if (site !== null && site !== "same-origin" && site !== "none") return false;
  // Browsers name the origin of every request that may change something.
  if (origin === null) return !changes;
  return originAllowed(origin, headers.get("host"), { hostNames: [], origins: [] });
}

function inHistory(message: string, actor: Actor) {
  return {
    activity_type: "user_operation",
    message,
    severity: "info",
    resource_type: "access",
    resource_id: null,
    extra_data: { actor },
  } as const;
}

/** The row behind `session:7`. */
function numberOf(callerId: string): number {
  return Number(callerId.split(":")[1]);
}

function bearer(authorization: string | null): string | undefined {
  return /^Bearer +(\S.*)$/i.exec(authorization ?? "")?.[1];
}
