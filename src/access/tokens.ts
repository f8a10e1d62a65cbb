import { and, desc, eq, gt, isNull, lt, ne, or, sql } from "drizzle-orm";
import { accessTokens } from "../../db/schema.ts";
import type { Activities } from "../activities/activities.ts";
import { type Clock, isoTime } from "../clock.ts";
import {
  type Actor,
  type CreatedToken,
  type CreateToken,
  idNumber,
  ProblemError,
  type Role,
  role,
  type Scope,
  type Token,
} from "../contract/index.ts";
import type { Store, Tx } from "../store/store.ts";
import { scopesOf } from "./caller.ts";
import { newSecret, sameHash, sha256, TOKEN_PREFIX } from "./secrets.ts";
import { Usage } from "./usage.ts";

export type TokenRow = typeof accessTokens.$inferSelect;

/** Tokens that can be used at the same time; whoever has more of them has lost count. */
const MAX_ACTIVE = 1_000;

/** Tokens that are over and still listed; beyond that the oldest are forgotten. */
const MAX_ENDED = 1_000;

export interface TokensParts {
  readonly store: Store;
  readonly activities: Pick<Activities, "record">;
  readonly clock: Clock;
  /** Whether somebody could administer this server without any stored token. */
  readonly spareAdmin: boolean;
  readonly onError: (error: unknown) => void;
}

/** The tokens that this server made. Their secrets are nowhere but with their bearers. */
export class Tokens implements Disposable {
  readonly #parts: TokensParts;
  readonly #usage: Usage;
  readonly #byHash;
  readonly #byId;

  constructor(parts: TokensParts) {
    this.#parts = parts;
    // Asked for on every request, so prepared once.
    const { db } = parts.store;
    this.#byHash = db
      .select()
      .from(accessTokens)
      .where(eq(accessTokens.hash, sql.placeholder("hash")))
      .prepare();
    this.#byId = db
      .select()
      .from(accessTokens)
      .where(eq(accessTokens.id, sql.placeholder("id")))
      .prepare();
    this.#usage = new Usage({
      clock: parts.clock,
      onError: parts.onError,
      store: (used) =>
        parts.store.write((tx) => {
          for (const [id, at] of used) {
            tx.db.update(accessTokens).set({ lastUsedAt: at }).where(eq(accessTokens.id, id)).run();
          }
        }),
    });
  }

  /** The token that `secret` is, also one that is over. */
  find(secret: string): TokenRow | undefined {
    const hash = sha256(secret);
    const row = this.#byHash.get({ hash: hash.toString("hex") });
    return row && sameHash(Buffer.from(row.hash, "hex"), hash) ? row : undefined;
  }

  stateOf(row: Pick<TokenRow, "expiresAt" | "revokedAt">): Token["state"] {
    if (row.revokedAt !== null) return "revoked";
    return row.expiresAt !== null && row.expiresAt <= this.#parts.clock.now() ? "expired" : "active";
  }

  isActive(id: number): boolean {
    const row = this.#byId.get({ id });
    return row !== undefined && this.stateOf(row) === "active";
  }

  noteUse(id: number): void {
    this.#usage.note(id);
  }

  /** Newest first; `next` is null on the last page. */
  list(query: { before?: string | undefined; limit: number }): { items: Token[]; next: string | null } {
    const before = query.before === undefined ? undefined : (idNumber("tok-", query.before) ?? 0);
    const rows = this.#parts.store.db
      .select()
      .from(accessTokens)
      .where(before === undefined ? undefined : lt(accessTokens.id, before))
      .orderBy(desc(accessTokens.id))
      .limit(query.limit + 1)
      .all();
    const items = rows.slice(0, query.limit).map((row) => this.#show(row));
    return { items, next: rows.length > query.limit ? (items.at(-1)?.token_id ?? null) : null };
  }

  /**
   * Makes a token for `by`, who can hand on no more than they have.
   *
   * @throws ProblemError `forbidden` naming a scope that `by` lacks, `too_many_tokens`; StorageError.
   */
  create(input: CreateToken, by: { readonly scopes: ReadonlySet<Scope>; readonly actor: Actor }): CreatedToken {
    const wanted = { role: input.role ?? null, scopes: input.scopes ?? null };
    const lacking = [...scopesOf(wanted)].filter((scope) => !by.scopes.has(scope));
    if (lacking.length > 0) {
      const detail = `A token can be given no scope that its maker does not have: ${lacking.join(", ")}.`;
      throw new ProblemError("forbidden", detail, undefined, lacking[0]);
    }
    const { clock, store } = this.#parts;
    const secret = newSecret(TOKEN_PREFIX);
    const now = clock.now();
    const seconds = input.expires_in_seconds;
    return store.write((tx) => {
      if (this.#active(tx).length >= MAX_ACTIVE) {
        const detail = `There are ${MAX_ACTIVE} tokens that can be used; revoke some first.`;
        throw new ProblemError("too_many_tokens", detail);
      }
      const row = tx.db
        .insert(accessTokens)
        .values({
          ...wanted,
          hash: sha256(secret).toString("hex"),
          name: input.name,
          createdAt: now,
          expiresAt: seconds === undefined ? null : now + seconds * 1_000,
        })
        .returning()
        .get();
      this.#forgetEnded(tx);
      this.#record(tx, row, "created", by.actor);
      return { ...this.#show(row), token: secret };
    });
  }

  /**
   * Revokes a token; one that is revoked already stays as it is.
   *
   * @throws ProblemError `not_found`; `last_admin_token` when nobody could make another one, unless `force`d.
   */
  revoke(tokenId: string, options: { readonly force: boolean; readonly actor: Actor }): Token {
    const id = idNumber("tok-", tokenId) ?? 0;
    return this.#parts.store.write((tx) => {
      const row = tx.db.select().from(accessTokens).where(eq(accessTokens.id, id)).get();
      if (!row) throw new ProblemError("not_found", `There is no token ${tokenId}.`);
      if (row.revokedAt !== null) return this.#show(row);
      if (!options.force && this.#isLastAdmin(tx, row)) {
        const detail = `${tokenId} (${row.name}) is the last token that can make others: without it only who can write the data directory lets anybody in. force=true revokes it all the same.`;
        throw new ProblemError("last_admin_token", detail);
      }
      const revoked = tx.db
        .update(accessTokens)
        .set({ revokedAt: this.#parts.clock.now() })
        .where(eq(accessTokens.id, id))
        .returning()
        .get();
      this.#record(tx, revoked, "revoked", options.actor);
      return this.#show(revoked);
    });
  }

  /** Whether any stored token can administer. */
  hasAdmin(): boolean {
    return this.#parts.store.write((tx) => this.#active(tx).some((row) => scopesOf(row).has("admin")));
  }

  [Symbol.dispose](): void {
    this.#usage[Symbol.dispose]();
  }

  #isLastAdmin(tx: Tx, row: TokenRow): boolean {
    if (this.#parts.spareAdmin || this.stateOf(row) !== "active" || !scopesOf(row).has("admin")) return false;
    return !this.#active(tx, row.id).some((other) => scopesOf(other).has("admin"));
  }

  #active(tx: Tx, except = 0): TokenRow[] {
    const unexpired = or(isNull(accessTokens.expiresAt), gt(accessTokens.expiresAt, this.#parts.clock.now()));
    return tx.db
      .select()
      .from(accessTokens)
      .where(and(isNull(accessTokens.revokedAt), unexpired, ne(accessTokens.id, except)))
      .all();
  }

  #forgetEnded(tx: Tx): void {
    const rows = tx.db.select().from(accessTokens).orderBy(desc(accessTokens.id)).all();
    const ended = rows.filter((row) => this.stateOf(row) !== "active").slice(MAX_ENDED);
    for (const { id } of ended) tx.db.delete(accessTokens).where(eq(accessTokens.id, id)).run();
  }

  #record(tx: Tx, row: TokenRow, what: "created" | "revoked", actor: Actor): void {
    const allowed = row.role ?? [...scopesOf(row)].join(", ");
    this.#parts.activities.record(tx, {
      activity_type: "user_operation",
      message: `Token ${JSON.stringify(row.name)} (${allowed}) ${what}`,
      severity: "info",
      resource_type: "token",
      resource_id: `tok-${row.id}`,
      extra_data: { actor },
    });
  }

  #show(row: TokenRow): Token {
    const lastUsed = this.#usage.latest(row.id, row.lastUsedAt);
    return {
      token_id: `tok-${row.id}`,
      name: row.name,
      role: roleOf(row.role),
      scopes: [...scopesOf(row)],
      state: this.stateOf(row),
      created_at: isoTime(row.createdAt),
      expires_at: row.expiresAt === null ? null : isoTime(row.expiresAt),
      last_used_at: lastUsed === null ? null : isoTime(lastUsed),
      revoked_at: row.revokedAt === null ? null : isoTime(row.revokedAt),
    };
  }
}

/** A stored role; null where there is none, or none that this version knows. */
export function roleOf(stored: string | null): Role | null {
  return role.safeParse(stored).data ?? null;
}
