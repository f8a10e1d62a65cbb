import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { requests } from "../../src/contract/asyncapi-messages.ts";
import { accessScope, type Need, roleScopes, type Scope, streamName, streams } from "../../src/contract/index.ts";
import { until } from "../resources/support.ts";
import { type ServerProcess, serverProcess } from "../server-process.ts";
import { connectClient, type Transport } from "../socket-client.ts";

/*
 * Every route and every event × everybody who might call. The rows come from the contract the server itself publishes,
 * so a route or an event that is added later is in the table by itself.
 */

const AUTH_TOKEN = "a-token-of-20-letters";

interface Row {
  readonly method: string;
  readonly path: string;
  readonly need: Need;
}

interface Column {
  readonly who: string;
  readonly token: string | undefined;
  /** What they may do; undefined for who is not let in at all. */
  readonly scopes: readonly Scope[] | undefined;
}

let server: ServerProcess;
let rows: readonly Row[] = [];
let columns: readonly Column[] = [];

beforeAll(async () => {
  server = await serverProcess({ env: { AUTH_TOKEN } });
  rows = await readRows();
  columns = await makeColumns();
}, 60_000);
afterAll(() => server[Symbol.asyncDispose]());

describe("over HTTP", () => {
  test("each route lets in who has its scope, and nobody else", async () => {
    expect(rows.length).toBeGreaterThan(20);
    const wrong: string[] = [];
    for (const row of rows) {
      for (const column of columns) {
        const { status, body } = await request(row, column.token);
        const expected = expectedStatus(row.need, column.scopes);
        const refusal = status === 401 || status === 403 ? status : undefined;
        const named = expected !== 403 || (body?.code === "forbidden" && body.scope === row.need);
        if (refusal === expected && named && status < 500) continue;
        wrong.push(`${column.who}: ${row.method} ${row.path} (${row.need}) answered ${status} ${JSON.stringify(body)}`);
      }
    }
    expect(wrong).toEqual([]);
  }, 120_000);
});

describe.each(["websocket", "polling"] as const)("over %s", (transport) => {
  test("who has no valid token is not connected", async () => {
    for (const { token, scopes } of columns) {
      if (scopes) continue;
      const refused = await connect(transport, token).catch((error: unknown) => error);
      expect(refused).toMatchObject({ data: { code: "unauthorized" } });
    }
  }, 60_000);

  test("each event is for who has its scope, and nobody else", async () => {
    const wrong: string[] = [];
    for (const { who, token, scopes } of columns) {
      if (!scopes) continue;
      using client = await connect(transport, token);
      for (const { name, scope } of requests) {
        if (name === "subscribe_all" || name === "subscribe_system_monitor") continue;
        const answer = await client.ask(name);
        const permitted = scope === "any" || scope === "public" || scopes.includes(scope);
        const forbidden = answer.code === "forbidden" && answer.scope === scope;
        if (permitted === !forbidden && (permitted || client.socket.connected)) continue;
        wrong.push(`${who}: ${name} (${scope}) answered ${JSON.stringify(answer)}`);
      }
    }
    expect(wrong).toEqual([]);
  }, 60_000);

  test.each(["subscribe_all", "subscribe_system_monitor"])(
    "%s gives what is permitted and names the rest",
    async (event) => {
      for (const { scopes, token } of columns) {
        if (!scopes) continue;
        using client = await connect(transport, token);
        const answer = await client.ask(event);
        const denied = streamName.options.filter((name) => !scopes.includes(streams[name].scope));
        if (denied.length === streamName.options.length) {
          expect(answer).toMatchObject({ code: "forbidden", scope: streams.system_resources.scope });
          continue;
        }
        const named = denied.map((name) => ({ event_type: name, scope: streams[name].scope }));
        expect(answer.denied ?? []).toEqual(named);
        for (const { event_type, scope } of named) expect(answer.message).toContain(`${event_type} (needs ${scope})`);
      }
    },
    60_000,
  );
});

test("nothing of a stream reaches who may not read it, however they subscribed", async () => {
  const reader = columns.find(({ who }) => who === "read:alerts")?.token;
  using client = await connect("websocket", reader);
  await client.ask("subscribe_all");
  await client.ask("subscribe_activity_stream", { after: 0 });
  using witness = await connect("websocket", AUTH_TOKEN);
  await witness.ask("subscribe_activity_stream");
  await witness.ask("subscribe_system_resources");
  const headers = { authorization: `Bearer ${AUTH_TOKEN}`, "content-type": "application/json" };
  await fetch(`${server.url}/api/v1/activities`, { method: "POST", headers, body: '{"message":"a secret"}' });
  await witness.next("activity_stream", ({ data }) => data.message === "a secret");
  await witness.next("system_resources_update");
  await witness.next("system_resources_update");
  // Whatever was sent to both is there by the time a later answer is.
  await client.ask("unsubscribe_all");
  const events = new Set(client.received.map(({ event }) => event));
  expect([...events].sort()).toEqual(["recovery_offset", "subscribed", "subscription_error", "unsubscribed"]);
});

function expectedStatus(need: Need, scopes: readonly Scope[] | undefined): 401 | 403 | undefined {
  if (need === "public") return undefined;
  if (!scopes) return 401;
  return need === "any" || scopes.includes(need) ? undefined : 403;
}

async function readRows(): Promise<Row[]> {
  const { paths } = await (await fetch(`${server.url}/openapi.json`)).json();
  const described = Object.entries<Record<string, { "x-scope": Need }>>(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      method: method.toUpperCase(),
      path: filled(path),
      need: operation["x-scope"],
    })),
  );
  // In no contract, and closed all the same.
  const metrics: Row = { method: "GET", path: "/metrics", need: "read:resources" };
  // A browser that signs in must bring a token of its own; see sessions.test.ts.
  return [...described.filter(({ method, path }) => method !== "POST" || path !== "/api/v1/session"), metrics];
}

/** A path of things that do not exist, so that nothing is changed by who may change it. */
function filled(path: string): string {
  const ids: Readonly<Record<string, string>> = {
    model_id: "no-such-model",
    deployment_id: "dep-999999",
    alert_id: "alert_999999",
    token_id: "tok-999999",
  };
  return path.replaceAll(/\{(\w+)\}/g, (_, name: string) => ids[name] ?? "999999");
}

async function makeColumns(): Promise<Column[]> {
  const make = async (input: object) => {
    const headers = { authorization: `Bearer ${AUTH_TOKEN}`, "content-type": "application/json" };
    const answer = await fetch(`${server.url}/api/v1/tokens`, { method: "POST", headers, body: JSON.stringify(input) });
    return (await answer.json()) as { token: string; token_id: string };
  };
  const roles = (["viewer", "operator", "admin"] as const).map(async (role): Promise<Column> => {
    return { who: role, token: (await make({ name: role, role })).token, scopes: roleScopes[role] };
  });
  const single = accessScope.options.map(async (scope): Promise<Column> => {
    return { who: scope, token: (await make({ name: scope, scopes: [scope] })).token, scopes: [scope] };
  });
  const expired = await make({ name: "expired", role: "admin", expires_in_seconds: 1 });
  const revoked = await make({ name: "revoked", role: "admin" });
  const headers = { authorization: `Bearer ${AUTH_TOKEN}` };
  await fetch(`${server.url}/api/v1/tokens/${revoked.token_id}`, { method: "DELETE", headers });
  const nobody = { method: "GET", path: "/api/v1/session", need: "any" } as const;
  await until(async () => (await request(nobody, expired.token)).status === 401);
  return [
    { who: "nobody", token: undefined, scopes: undefined },
    { who: "a stranger", token: "llmm_made-up", scopes: undefined },
    { who: "expired", token: expired.token, scopes: undefined },
    { who: "revoked", token: revoked.token, scopes: undefined },
    ...(await Promise.all([...roles, ...single])),
  ];
}

async function request({ method, path }: Row, token: string | undefined) {
  const response = await fetch(`${server.url}${path}`, {
    method,
    headers: {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(method !== "GET" && { "content-type": "application/json" }),
    },
    // Never right, so that who may do it does nothing.
    ...(method !== "GET" && method !== "DELETE" && { body: '{"":0}' }),
  });
  if (response.headers.get("content-type") === "application/problem+json")
    return { status: response.status, body: await response.json() };
  await response.body?.cancel();
  return { status: response.status, body: undefined };
}

function connect(transport: Transport, token: string | undefined) {
  return connectClient(server.url, transport, token === undefined ? {} : { auth: { token } });
}
