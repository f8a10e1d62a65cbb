import { accessScope } from "../contract/index.ts";
import { type Caller, type Peer, scopesOf } from "./caller.ts";
import type { SessionRow } from "./sessions.ts";
import { roleOf, type TokenRow } from "./tokens.ts";

const everything = { role: "admin", scopes: new Set(accessScope.options), tokenId: null, expiresAt: null } as const;

/** Whoever reaches a server that is open to its own machine. */
export function openCaller({ address }: Peer): Caller {
  return { id: "open", kind: "open", name: "this machine", ...everything, address };
}

/** The bearer of `AUTH_TOKEN`. */
export function configuredCaller({ address }: Peer): Caller {
  return { id: "configured", kind: "token", name: "AUTH_TOKEN", ...everything, address };
}

export function tokenCaller(row: TokenRow, { address }: Peer): Caller {
  return { id: `token:${row.id}`, kind: "token", ...stored(row), address, tokenId: row.id };
}

export function sessionCaller(row: SessionRow, { address }: Peer): Caller {
  return { id: `session:${row.id}`, kind: "session", ...stored(row), address, tokenId: row.tokenId };
}

function stored(row: TokenRow | SessionRow) {
  return { name: row.name, role: roleOf(row.role), scopes: scopesOf(row), expiresAt: row.expiresAt };
}
