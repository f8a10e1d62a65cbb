import { asc, count, eq, lte, or, sql } from "drizzle-orm";
import { accessSessions } from "../../db/schema.ts";
import type { Clock } from "../clock.ts";
import type { Role, Scope } from "../contract/index.ts";
import type { Store, Tx } from "../store/store.ts";
import { keyedHash, newSecret, sameHash, sha256 } from "./secrets.ts";
import { USE_STORED_WITHIN_MS, Usage } from "./usage.ts";

export type SessionRow = typeof accessSessions.$inferSelect;

/** Sessions at the same time; the one that was unused longest makes room for another. */
const MAX_SESSIONS = 10_000;

/** Milliseconds after which a session ends however much it is used: a week, so that a browser left alone is not for ever. */
const LONGEST_MS = 7 * 24 * 3_600_000;

/** Whom a session is for. */
export interface SessionHolder {
  readonly name: string;
  readonly role: Role | null;
  readonly scopes: readonly Scope[] | null;
  /** The stored token it was exchanged for, if it was one. */
  readonly tokenId: number | null;
  /** Whether it was exchanged for the configured token. */
  readonly configured: boolean;
  readonly expiresAt: number | null;
}

/**
 * Browsers that have signed in. The cookie is a random secret, of which a hash is stored: keyed with the configured
 * token where that was exchanged, so that its sessions end when it is changed, and plain where a stored token was.
 */
export class Sessions implements Disposable {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #idleMs: number;
  readonly #configured: Buffer | undefined;
  readonly #usage: Usage;
  readonly #byHash;
  readonly #onEnded: (sessionId: number) => void;

  constructor(parts: {
    store: Store;
    clock: Clock;
    idleMs: number;
    /** Hash of the configured token, if there is one. */
    configured: Buffer | undefined;
    /** A session had to make room for another. */
    onEnded: (sessionId: number) => void;
    onError: (error: unknown) => void;
  }) {
    this.#store = parts.store;
    // Asked for on every request of a browser, so prepared once.
    this.#byHash = parts.store.db
      .select()
      .from(accessSessions)
      .where(eq(accessSessions.hash, sql.placeholder("hash")))
      .prepare();
    this.#clock = parts.clock;
    this.#idleMs = parts.idleMs;
    this.#configured = parts.configured;
    this.#onEnded = parts.onEnded;
    this.#usage = new Usage({
      clock: parts.clock,
      onError: parts.onError,
      store: (used) =>
        parts.store.write((tx) => {
          for (const [id, at] of used) {
            tx.db.update(accessSessions).set({ lastUsedAt: at }).where(eq(accessSessions.id, id)).run();
          }
        }),
    });
  }

  /** Makes a session; `record` writes into the same transaction. @returns it and the secret for its cookie. */
  create(holder: SessionHolder, record: (tx: Tx) => void): { row: SessionRow; secret: string } {
    const secret = newSecret();
    const now = this.#clock.now();
    const hash = holder.configured && this.#configured ? keyedHash(this.#configured, secret) : sha256(secret);
    const row = this.#store.write((tx) => {
      const made = tx.db
        .insert(accessSessions)
        .values({
          hash: hash.toString("hex"),
          tokenId: holder.tokenId,
          name: holder.name,
          role: holder.role,
          scopes: holder.scopes,
          createdAt: now,
          lastUsedAt: now,
          expiresAt: Math.min(now + LONGEST_MS, holder.expiresAt ?? Number.POSITIVE_INFINITY),
        })
        .returning()
        .get();
      this.#makeRoom(tx, now);
      record(tx);
      return made;
    });
    return { row, secret };
  }

  /** The session that a cookie stands for; undefined when there is none or it is over. */
  find(secret: string): SessionRow | undefined {
    const row =
      this.#byHashOf(sha256(secret)) ?? (this.#configured && this.#byHashOf(keyedHash(this.#configured, secret)));
    if (!row) return undefined;
    const now = this.#clock.now();
    const idleSince = this.#usage.latest(row.id, row.lastUsedAt);
    return row.expiresAt <= now || idleSince + this.#idleMs <= now ? undefined : row;
  }

  has(id: number): boolean {
    return this.#store.db.select().from(accessSessions).where(eq(accessSessions.id, id)).get() !== undefined;
  }

  /** A session is used: it goes on for its idle time from now. */
  noteUse(id: number): void {
    this.#usage.note(id);
  }

  /** Ends a session; `record` writes into the same transaction. */
  remove(id: number, record: (tx: Tx) => void): void {
    this.#usage.forget(id);
    this.#store.write((tx) => {
      tx.db.delete(accessSessions).where(eq(accessSessions.id, id)).run();
      record(tx);
    });
  }

  [Symbol.dispose](): void {
    this.#usage[Symbol.dispose]();
  }

  #byHashOf(hash: Buffer): SessionRow | undefined {
    const row = this.#byHash.get({ hash: hash.toString("hex") });
    return row && sameHash(Buffer.from(row.hash, "hex"), hash) ? row : undefined;
  }

  #makeRoom(tx: Tx, now: number): void {
    // A use of the last minute may not be stored yet.
    const unused = lte(accessSessions.lastUsedAt, now - this.#idleMs - 2 * USE_STORED_WITHIN_MS);
    tx.db
      .delete(accessSessions)
      .where(or(lte(accessSessions.expiresAt, now), unused))
      .run();
    const excess = (tx.db.select({ total: count() }).from(accessSessions).get()?.total ?? 0) - MAX_SESSIONS;
    if (excess <= 0) return;
    const oldest = tx.db
      .select({ id: accessSessions.id })
      .from(accessSessions)
      .orderBy(asc(accessSessions.lastUsedAt))
      .limit(excess)
      .all();
    for (const { id } of oldest) {
      tx.db.delete(accessSessions).where(eq(accessSessions.id, id)).run();
      this.#onEnded(id);
    }
  }
}
