import { describe, expect, test } from "bun:test";
import { accessTokens } from "../../db/schema.ts";
import { permits, scopesOf } from "../../src/access/caller.ts";
import { type AccessEnded, accessScope, createToken, roleScopes } from "../../src/contract/index.ts";
import { testAccess } from "./setup.ts";

const DAY_MS = 24 * 3_600_000;
const NEEDED = { HOST: "0.0.0.0" };

describe("a token", () => {
  test("has a role or scopes of its own, and a name", () => {
    const bad = [{ role: "viewer" }, { name: "x" }, { name: "x", scopes: [] }, { name: " ", role: "viewer" }];
    const worse = [
      { name: "x", role: "root" },
      { name: "x", role: "viewer", scopes: ["admin"] },
    ];
    for (const input of [...bad, ...worse, { name: "x", role: "viewer", expires_in_seconds: 0 }]) {
      expect(createToken.safeParse(input).success).toBe(false);
    }
    using t = testAccess();
    expect(t.as(t.make({ name: "ci", scopes: ["read:alerts", "admin"] }))).toMatchObject({
      name: "ci",
      role: null,
      scopes: new Set(["read:alerts", "admin"]),
    });
  });

  test("of a role may do what the role may; admin is a scope and no master key", () => {
    for (const role of ["viewer", "operator", "admin"] as const) {
      expect(scopesOf({ role, scopes: null })).toEqual(new Set(roleScopes[role]));
    }
    expect(scopesOf({ role: "admin", scopes: null })).toEqual(new Set(accessScope.options));
    expect(scopesOf({ role: null, scopes: ["read:alerts", "fly:planes"] })).toEqual(new Set(["read:alerts"]));
    expect(scopesOf({ role: "pilot", scopes: null })).toEqual(new Set());
    const administrator = { scopes: scopesOf({ role: null, scopes: ["admin"] }) };
    expect(permits(administrator, "admin")).toBe(true);
    expect(permits(administrator, "read:models")).toBe(false);
  });

  test("cannot make one that may do more than itself", () => {
    using t = testAccess();
    const { scopes } = t.as(t.make({ name: "clerk", scopes: ["admin", "read:models"] }));
    const by = { scopes, actor: t.actor };
    expect(() => t.access.tokens.create(createToken.parse({ name: "x", role: "viewer" }), by)).toThrow(
      "read:resources, read:activities, read:alerts, read:deployments",
    );
    expect(t.access.tokens.create({ name: "x", scopes: ["read:models"] }, by).scopes).toEqual(["read:models"]);
  });

  test("ends when its time is over, and when it is revoked, and says so to its bearer alone", async () => {
    using t = testAccess(NEEDED);
    const short = t.make({ name: "short", role: "viewer", expires_in_seconds: 60 });
    const { token: doomed, token_id } = t.access.tokens.create({ name: "doomed", role: "viewer" }, t.admin);
    await t.clock.advance(59_999);
    expect(t.as(short).name).toBe("short");
    await t.clock.advance(1);
    expect(() => t.as(short)).toThrow("has expired");
    expect(t.access.revokeToken(token_id, { force: false, actor: t.actor }).state).toBe("revoked");
    expect(() => t.as(doomed)).toThrow("was revoked");
    const revoked = t.access.revokeToken(token_id, { force: false, actor: t.actor });
    expect(revoked.revoked_at).not.toBeNull();
    const states = t.access.tokens.list({ limit: 50 }).items.map(({ name, state }) => [name, state]);
    expect(states).toEqual([
      ["doomed", "revoked"],
      ["short", "expired"],
      ["first start", "active"],
    ]);
    expect(t.told("token").map(({ message }) => message)).toEqual([
      'Token "first start" (admin) created',
      'Token "short" (viewer) created',
      'Token "doomed" (viewer) created',
      'Token "doomed" (viewer) revoked',
    ]);
  });

  test("is not revoked by accident where nobody could make another", async () => {
    using t = testAccess(NEEDED);
    const revoke = (id: string, force = false) => t.access.revokeToken(id, { force, actor: t.actor });
    t.make({ name: "brief", role: "admin", expires_in_seconds: 1 });
    await t.clock.advance(1_000);
    expect(() => revoke("tok-1")).toThrow("is the last token that can make others");
    expect(() => revoke("tok-9")).toThrow("There is no token tok-9");
    t.make({ name: "another", scopes: ["admin"] });
    expect(revoke("tok-1").state).toBe("revoked");
    expect(revoke("tok-3", true).state).toBe("revoked");

    using spare = testAccess({ AUTH_TOKEN: "correct horse battery" });
    spare.make({ name: "only", role: "admin" });
    expect(spare.access.revokeToken("tok-1", { force: false, actor: spare.actor }).state).toBe("revoked");
  });

  test("that is used is stored so once a minute, and shown so at once", async () => {
    using t = testAccess(NEEDED);
    const token = t.make({ name: "ci", role: "viewer" });
    const shown = () => t.access.tokens.list({ limit: 1 }).items[0]?.last_used_at;
    const stored = () => t.store.db.query.accessTokens.findMany().sync().at(-1)?.lastUsedAt ?? null;
    expect(shown()).toBeNull();
    await t.clock.advance(1_000);
    t.as(token);
    t.as(token);
    expect(shown()).toBe(new Date(t.clock.now()).toISOString());
    expect(stored()).toBeNull();
    const used = t.clock.now();
    await t.clock.advance(60_000);
    expect(stored()).toBe(used);
    await t.clock.advance(DAY_MS);
    expect(stored()).toBe(used);
  });

  test("too many of them are refused, and the oldest that are over are forgotten", async () => {
    using t = testAccess(NEEDED);
    t.store.write((tx) => {
      for (let i = 1; i < 1_000; i++) {
        const createdAt = t.clock.now();
        const row = { hash: `${i}`, name: `t${i}`, role: "viewer", createdAt, expiresAt: createdAt + 60_000 };
        tx.db.insert(accessTokens).values(row).run();
      }
    });
    expect(() => t.make({ name: "one more", role: "viewer" })).toThrow("1000 tokens");
    await t.clock.advance(60_000);
    for (let i = 1; i < 3; i++) t.make({ name: `u${i}`, role: "viewer", expires_in_seconds: 60 });
    await t.clock.advance(60_000);
    t.make({ name: "last", role: "viewer" });
    const rows = t.store.db.query.accessTokens.findMany().sync();
    expect(rows.length).toBe(1_002);
    expect(rows.slice(0, 2).map(({ name }) => name)).toEqual(["first start", "t2"]);
  });
});

describe("what is open", () => {
  /** A connection of `caller`'s that keeps what ended it. */
  function connection(t: ReturnType<typeof testAccess>, token: string) {
    const ended: AccessEnded[] = [];
    const live = t.access.live.add(t.as(token), { end: (why) => void ended.push(why) });
    return { ended, live };
  }

  test("ends at once with the token that is revoked, and no other", () => {
    using t = testAccess(NEEDED);
    const a = connection(t, t.make({ name: "a", role: "viewer" }));
    const b = connection(t, t.make({ name: "b", role: "viewer" }));
    t.access.revokeToken("tok-2", { force: false, actor: t.actor });
    expect(a.ended).toMatchObject([{ code: "token_revoked" }]);
    expect(b.ended).toEqual([]);
  });

  test("ends within a second of the token's time, also when the clock has jumped there", async () => {
    using t = testAccess(NEEDED);
    const a = connection(t, t.make({ name: "a", role: "viewer", expires_in_seconds: 3_600 }));
    t.clock.jumpWall(3_598_000);
    await t.clock.advance(1_000);
    expect(a.ended).toEqual([]);
    await t.clock.advance(2_000);
    expect(a.ended[0]).toMatchObject({ code: "token_expired" });
  });

  test("is not begun with a token that was revoked a moment ago", () => {
    using t = testAccess(NEEDED);
    const caller = t.as(t.make({ name: "a", role: "viewer" }));
    t.access.revokeToken("tok-2", { force: false, actor: t.actor });
    const ended: AccessEnded[] = [];
    t.access.live.add(caller, { end: (why) => void ended.push(why) });
    expect(ended).toMatchObject([{ code: "token_revoked" }]);
  });

  test("costs no timer once it is closed", async () => {
    using t = testAccess(NEEDED);
    const before = t.clock.pending;
    const { live } = connection(t, t.make({ name: "a", role: "viewer", expires_in_seconds: 60 }));
    expect(t.clock.pending).toBeGreaterThan(before);
    live[Symbol.dispose]();
    // The use of the token is still to be stored.
    await t.clock.advance(60_000);
    expect(t.clock.pending).toBe(before);
  });
});
