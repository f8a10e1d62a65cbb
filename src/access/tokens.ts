import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { accessTokens } from "../../db/schema.ts";
import type { Clock } from "../clock.ts";
import type { Store } from "../store/store.ts";

/** Begins every token this server makes, so that one is recognised when it lies about. */
const PREFIX = "llmm_";

/** Who may call: everybody, or who knows the token behind one of these hashes. */
export interface TokenRule {
  /** SHA-256 of the accepted tokens; undefined when none is needed. */
  readonly hashes: readonly Buffer[] | undefined;
  /** Made just now, to be shown once and never again. */
  readonly generated: string | undefined;
}

/**
 * Decides what a caller must show. A configured token is the only one; without one, a server that only this machine
 * reaches is open, and any other takes the token it made at its first start.
 */
export function tokenRule(parts: {
  configured: string | undefined;
  host: string;
  store: Store;
  clock: Clock;
}): TokenRule {
  const { configured, host, store, clock } = parts;
  if (configured !== undefined) return { hashes: [sha256(configured)], generated: undefined };
  if (isLoopback(host)) return { hashes: undefined, generated: undefined };
  const stored = store.db.select({ hash: accessTokens.hash }).from(accessTokens).all();
  if (stored.length > 0) return { hashes: stored.map(({ hash }) => Buffer.from(hash, "hex")), generated: undefined };
  const token = PREFIX + randomBytes(32).toString("base64url");
  const hash = sha256(token);
  store.write((tx) =>
    tx.db
      .insert(accessTokens)
      .values({ hash: hash.toString("hex"), createdAt: clock.now() })
      .run(),
  );
  return { hashes: [hash], generated: token };
}

/** Compares hashes in constant time, so that an answer's delay says nothing about the token. */
export function accepts(rule: TokenRule, token: string | undefined): boolean {
  if (!rule.hashes) return true;
  if (token === undefined) return false;
  const hash = sha256(token);
  return rule.hashes.some((accepted) => timingSafeEqual(accepted, hash));
}

export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host === "[::1]" || /^127(\.[0-9]{1,3}){3}$/.test(host);
}

function sha256(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
