import { describe, expect, test } from "bun:test";
import { keepCookie } from "../../src/access/cookies.ts";
import type { AccessEnded } from "../../src/contract/index.ts";
import { tempDir } from "../temp-dir.ts";
import { testAccess } from "./setup.ts";

const HOUR_MS = 3_600_000;
const NEEDED = { HOST: "0.0.0.0", ALLOWED_HOSTS: "box.lan" };

/** What a browser at `http://localhost:5000` sends. */
function shown(secret: string, headers: Record<string, string> = {}, changes = false) {
  return {
    headers: new Headers({ host: "localhost:5000", cookie: `a=b; llmm_session_5000=${secret}`, ...headers }),
    peer: { address: "192.0.2.7", secure: false },
    changes,
  };
}

describe("a session", () => {
  test("stands for the token it was exchanged for, and is stored as a hash", () => {
    using t = testAccess(NEEDED);
    const { caller, secret } = t.access.signIn(t.make({ name: "anna", role: "operator" }), t.peer);
    expect(caller).toMatchObject({ kind: "session", name: "anna", role: "operator", tokenId: 2 });
    expect(t.access.authenticate(shown(secret))).toEqual(caller);
    expect(() => t.access.authenticate(shown(`${secret}x`))).toThrow("token is needed");
    expect(() => t.access.signIn("llmm_nothing", t.peer)).toThrow("does not know");
    expect(JSON.stringify(t.store.db.query.accessSessions.findMany().sync())).not.toContain(secret);
    expect(t.told("access")[0]).toMatchObject({
      message: "anna signed in",
      actor: { kind: "session", name: "anna", role: "operator", address: "192.0.2.7" },
    });
  });

  test("goes on while it is used, ends when it is not, and after a week in any case", async () => {
    using t = testAccess(NEEDED);
    const { secret } = t.access.signIn(t.make({ name: "anna", role: "viewer" }), t.peer);
    const other = t.access.signIn(t.make({ name: "ben", role: "viewer" }), t.peer).secret;
    let hours = 0;
    for (; hours < 7 * 24 - 7; hours += 7) {
      await t.clock.advance(7 * HOUR_MS);
      expect(t.access.authenticate(shown(secret)).name).toBe("anna");
      if (hours > 0) expect(() => t.access.authenticate(shown(other))).toThrow("token is needed");
    }
    await t.clock.advance(7 * HOUR_MS);
    expect(() => t.access.authenticate(shown(secret))).toThrow("token is needed");
  });

  test("ends with its token's time, with its revocation, and by signing out, with what it has open", () => {
    using t = testAccess(NEEDED);
    const open = (token: string) => {
      const ended: AccessEnded[] = [];
      const { caller, secret } = t.access.signIn(token, t.peer);
      t.access.live.add(caller, { end: (why) => void ended.push(why) });
      return { secret, ended };
    };
    const anna = open(t.make({ name: "anna", role: "viewer" }));
    const ben = open(t.make({ name: "ben", role: "viewer", expires_in_seconds: 60 }));
    t.access.revokeToken("tok-2", { force: false, actor: t.actor });
    expect(anna.ended).toMatchObject([{ code: "token_revoked" }]);
    expect(() => t.access.authenticate(shown(anna.secret))).toThrow();
    t.clock.jumpWall(60_000);
    expect(() => t.access.authenticate(shown(ben.secret))).toThrow();
    const carl = open(t.make({ name: "carl", role: "viewer" }));
    t.access.signOut(shown(carl.secret, { origin: "http://localhost:5000" }, true));
    expect(carl.ended).toMatchObject([{ code: "signed_out" }]);
    expect(() => t.access.authenticate(shown(carl.secret))).toThrow();
    t.access.signOut(shown(carl.secret, { origin: "http://localhost:5000" }, true));
    expect(t.told("access").map(({ message }) => message)).toContain("carl signed out");
  });

  test("outlives a restart, but not a change of the configured token", () => {
    using dir = tempDir();
    const first = { AUTH_TOKEN: "correct horse battery" };
    let secrets: string[] = [];
    {
      using t = testAccess(first, dir.path);
      const made = t.make({ name: "anna", role: "viewer" });
      secrets = [t.access.signIn(first.AUTH_TOKEN, t.peer).secret, t.access.signIn(made, t.peer).secret];
    }
    const names = (environment: Record<string, string>) => {
      using t = testAccess(environment, dir.path);
      return secrets.map((secret) => t.access.session(shown(secret))?.name);
    };
    expect(names(first)).toEqual(["AUTH_TOKEN", "anna"]);
    expect(names({ AUTH_TOKEN: "another horse battery" })).toEqual([undefined, "anna"]);
    expect(names(NEEDED)).toEqual([undefined, "anna"]);
  });
});

describe("a cookie", () => {
  test("counts only on requests of our own page", () => {
    using t = testAccess({ ...NEEDED, CORS_ORIGINS: "http://localhost:3000" });
    const { secret } = t.access.signIn(t.make({ name: "anna", role: "admin" }), t.peer);
    const counts = (headers: Record<string, string>, changes: boolean) =>
      t.access.session(shown(secret, headers, changes)) !== undefined;
    expect(counts({}, false)).toBe(true);
    expect(counts({ origin: "http://localhost:5000" }, true)).toBe(true);
    expect(counts({ origin: "http://localhost:5000", "sec-fetch-site": "same-origin" }, true)).toBe(true);
    // A page on another port is the same site to a browser, so its requests carry the cookie.
    expect(counts({ origin: "http://localhost:3000" }, true)).toBe(false);
    expect(counts({ origin: "http://localhost:3000" }, false)).toBe(false);
    expect(counts({ "sec-fetch-site": "same-site" }, false)).toBe(false);
    expect(counts({ "sec-fetch-site": "cross-site" }, false)).toBe(false);
    // Browsers name the origin of what changes something; whatever does not is no browser's.
    expect(counts({}, true)).toBe(false);
    expect(counts({ origin: "null" }, true)).toBe(false);
  });

  test("is out of reach of scripts and other sites, and of other servers on this machine", () => {
    const plain = keepCookie("localhost:5000", { address: "", secure: false }, "secret");
    expect(plain).toBe("llmm_session_5000=secret; Path=/; HttpOnly; SameSite=Strict");
    const secure = keepCookie("box.lan", { address: "", secure: true }, "secret");
    expect(secure).toBe("__Host-llmm_session=secret; Path=/; HttpOnly; Secure; SameSite=Strict");
  });

  test("over TLS is taken only under the name that nobody but us can have set", () => {
    using t = testAccess(NEEDED);
    const { secret } = t.access.signIn(t.make({ name: "anna", role: "viewer" }), t.peer);
    const peer = { address: "192.0.2.7", secure: true };
    const session = (cookie: string) =>
      t.access.session({ headers: new Headers({ host: "box.lan", cookie }), peer, changes: false });
    expect(session(`__Host-llmm_session=${secret}`)?.name).toBe("anna");
    expect(session(`llmm_session_443=${secret}`)).toBeUndefined();
    for (const broken of ["", "=", "__Host-llmm_session", `__Host-llmm_session="`, "%%%", "\u00e4=\u00f6"]) {
      expect(session(broken)).toBeUndefined();
    }
  });
});
