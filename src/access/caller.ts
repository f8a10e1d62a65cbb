import {
  type Actor,
  accessScope,
  type CallerKind,
  type Need,
  ProblemError,
  type Role,
  roleScopes,
  type Scope,
} from "../contract/index.ts";

/** Who is calling, decided once per request and once per connection. */
export interface Caller {
  /** Names what let the caller in, such as `token:3`: the same for all that is done with it. */
  readonly id: string;
  readonly kind: CallerKind;
  readonly name: string;
  readonly role: Role | null;
  readonly scopes: ReadonlySet<Scope>;
  /** IP address; empty where there is none. */
  readonly address: string;
  /** The stored token behind it, also behind a session. */
  readonly tokenId: number | null;
  /** Milliseconds since the epoch from which on it is nobody's, whatever happens; null for never. */
  readonly expiresAt: number | null;
}

/** Where a request came from, as far as the peer is to be believed. */
export interface Peer {
  readonly address: string;
  /** Whether it came over TLS all the way to us or to a proxy we trust. */
  readonly secure: boolean;
}

declare module "hono" {
  interface ContextVariableMap {
    /** Set on every route whose need is not `public`. */
    caller: Caller;
    peer: Peer;
  }
}

/** What a role or a list of scopes, as it is stored, allows now. */
export function scopesOf(stored: { role: string | null; scopes: readonly string[] | null }): Set<Scope> {
  const known = Object.entries(roleScopes).find(([name]) => name === stored.role);
  if (known) return new Set(known[1]);
  // A scope that a newer version stored and this one does not know allows nothing here.
  return new Set(accessScope.options.filter((scope) => stored.scopes?.includes(scope)));
}

export function permits(caller: Pick<Caller, "scopes">, need: Need): boolean {
  return need === "any" || need === "public" || caller.scopes.has(need);
}

/** @throws ProblemError `forbidden` that names the scope. */
export function requireScope(caller: Caller, need: Need): void {
  if (permits(caller, need) || need === "any" || need === "public") return;
  throw new ProblemError(
    "forbidden",
    `This needs the scope ${need}, which ${described(caller)} does not have.`,
    undefined,
    need,
  );
}

/** For people: `token "ci" (operator)`. */
export function described({ kind, name, role }: Pick<Caller, "kind" | "name" | "role">): string {
  const what = kind === "session" ? "session of" : kind;
  return `the ${what} ${JSON.stringify(name)}${role === null ? "" : ` (${role})`}`;
}

export function actorOf({ kind, name, role, address }: Caller): Actor {
  return { kind, name, role, address: address || null };
}
