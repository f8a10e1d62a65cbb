import { Access } from "../../src/access/access.ts";
import { type Caller, type Peer, scopesOf } from "../../src/access/caller.ts";
import { Activities } from "../../src/activities/activities.ts";
import { loadConfig } from "../../src/config.ts";
import { type Actor, createToken } from "../../src/contract/index.ts";
import { FakeClock } from "../fake-clock.ts";
import { tempDir } from "../temp-dir.ts";
import { openStore } from "../temp-store.ts";

/** Access over a real store, on a clock of the test's; with a data directory of its own where none is given. */
export function testAccess(environment: Record<string, string> = {}, dataDir?: string) {
  const dir = dataDir === undefined ? tempDir() : undefined;
  const store = openStore(dataDir ?? dir?.path ?? "");
  const clock = new FakeClock();
  const activities = new Activities({ store, clock });
  const errors: unknown[] = [];
  const access = new Access({
    config: loadConfig(environment),
    store,
    activities,
    clock,
    onError: (error) => void errors.push(error),
  });
  const peer: Peer = { address: "192.0.2.7", secure: false };
  const actor: Actor = { kind: "console", name: "test", role: "admin", address: null };
  const admin = { scopes: scopesOf({ role: "admin", scopes: null }), actor };
  return {
    store,
    clock,
    access,
    actor,
    admin,
    peer,
    errors,
    /** Who the bearer of `token` is taken for. */
    as(token: string | undefined): Caller {
      const headers = new Headers({ host: "localhost:5000", ...(token && { authorization: `Bearer ${token}` }) });
      return access.authenticate({ headers, peer, changes: true });
    },
    /** Makes a token. @returns its secret. */
    make: (input: Parameters<typeof createToken.parse>[0]) =>
      access.tokens.create(createToken.parse(input), admin).token,
    /** Messages of the history that are about `type`, oldest first. */
    told: (type: string) =>
      activities
        .list({ resource_type: type, limit: 500 })
        .items.reverse()
        .map(({ message, extra_data }) => ({ message, ...extra_data })),
    [Symbol.dispose]() {
      access[Symbol.dispose]();
      store[Symbol.dispose]();
      dir?.[Symbol.dispose]();
    },
  };
}
