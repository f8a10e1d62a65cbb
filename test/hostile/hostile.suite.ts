import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { once } from "node:events";
import { rssMiB } from "../../bench/process-usage.ts";
import { must } from "../rest.ts";
import { type ServerProcess, serverProcess } from "../server-process.ts";
import {
  fuzzBodies,
  fuzzPackets,
  halfOpen,
  handshakeFlood,
  neverRead,
  slowLoris,
  subscriptionStorm,
} from "./attacks.ts";
import { HealthyClient } from "./healthy.ts";

/** `HOSTILE=full` attacks as long as is promised; the usual run is short enough for every change. */
const full = process.env.HOSTILE === "full";
const PACKETS = full ? 1_000_000 : 40_000;
const BODIES = full ? 100_000 : 4_000;
setDefaultTimeout(full ? 3_600_000 : 240_000);

/** Farther apart from its cadence no tick may come to who behaves, in 99 of 100 cases. Milliseconds. */
const CADENCE_MS = 250;
const SETTLE_MS = 3_000;
/** Between two events of the history that a healthy client counts. Milliseconds. */
const WRITE_MS = 200;

const seed = Number(process.env.HOSTILE_SEED ?? Date.now() % 2 ** 31);
let server: ServerProcess;
let port: number;

beforeAll(async () => {
  console.log(`HOSTILE_SEED=${seed}`);
  server = await serverProcess({
    env: {
      // What is attacked is what lies behind the limits, except where they are.
      HTTP_REQUESTS_PER_SECOND: "1000000",
      SOCKET_HANDSHAKES_PER_SECOND: "100000",
      SOCKET_CONNECTIONS_PER_ADDRESS: "20000",
      SOCKET_BYTES_PER_SECOND: "134217728",
      SOCKET_RECOVERY_MS: "0",
      SOCKET_PING_INTERVAL_MS: "2000",
      SOCKET_PING_TIMEOUT_MS: "2000",
      LOG_LEVEL: "info",
      ALERTS: "off",
    },
  });
  port = Number(new URL(server.url).port);
  // So that no attack pays for what the first of its kind makes the runtime compile and keep.
  await fuzzPackets(port, 4_000, seed + 1);
  await fuzzBodies(port, 500, seed + 1);
});
afterAll(() => server[Symbol.asyncDispose]());

/** Runs `attack` with a healthy client beside it, and holds the server to what it promises that client. */
async function besideSomebodyHealthy(attack: () => Promise<void>): Promise<void> {
  await settle();
  const before = rssMiB(server.process.pid ?? 0);
  using healthy = await HealthyClient.connect(server.url);
  let [writing, lastSeq] = [true, 0];
  const writes = (async () => {
    while (writing) {
      const { id } = await must(server.url, "POST", "/activities", { message: "all is well" });
      lastSeq = Number(id.slice("act-".length));
      await Bun.sleep(WRITE_MS);
    }
  })();
  await attack();
  writing = false;
  await writes;
  const seen = await healthy.seen(lastSeq);
  await settle();
  const after = rssMiB(server.process.pid ?? 0);
  console.log(
    `${seen.events} events, ${seen.gaps} gaps; ${seen.ticks} ticks, p99 ${seen.p99Ms.toFixed(0)} ms off; ` +
      `RSS ${before.toFixed(0)} -> ${after.toFixed(0)} MiB (x${(after / before).toFixed(2)})`,
  );
  expect(seen).toMatchObject({ gaps: 0, disconnects: 0 });
  expect(bugsIn(server.output())).toEqual([]);
  expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
  if (full) {
    expect(seen.p99Ms).toBeLessThanOrEqual(CADENCE_MS);
    expect(after / before).toBeLessThanOrEqual(1.2);
  }
}

/** Lets the server's own clean-up, and the runtime's, come to an end. */
async function settle(): Promise<void> {
  await Bun.sleep(SETTLE_MS);
}

/** Log lines that say that something happened which must not. */
function bugsIn(output: string): string[] {
  return output
    .split("\n")
    .filter((line) => line.includes('"level":"ERROR"') || line.includes("Bug:") || line.includes("panic"));
}

test(`${PACKETS} broken packets`, () => besideSomebodyHealthy(() => fuzzPackets(port, PACKETS, seed)));

test(`${BODIES} broken bodies, none of which is the server's fault`, () =>
  besideSomebodyHealthy(async () => {
    const statuses = await fuzzBodies(port, BODIES, seed);
    console.log(
      [...statuses]
        .sort()
        .map(([status, count]) => `${status}: ${count}`)
        .join(", "),
    );
    expect([...statuses.keys()].filter((status) => status === 0 || status >= 500)).toEqual([]);
  }));

test("requests that never end", () => besideSomebodyHealthy(() => slowLoris(port, full ? 500 : 100)));

test("sessions that nobody goes on with", () => besideSomebodyHealthy(() => halfOpen(port, full ? 1_000 : 200)));

test("a storm of subscriptions", () => besideSomebodyHealthy(() => subscriptionStorm(port, 20, full ? 50 : 5)));

test("a flood of handshakes", () =>
  besideSomebodyHealthy(async () => {
    const count = full ? 20_000 : 2_000;
    expect((await handshakeFlood(port, count)).answered).toBe(count);
  }));

test("clients that never read are cut off, and their memory comes back", () =>
  besideSomebodyHealthy(async () => {
    const deaf = await neverRead(port, 20);
    const cut = Promise.all(deaf.map((socket) => once(socket, "close")));
    // A paused socket does not see its end; what was cut is found by the heartbeat, or by what is unsent.
    const extra_data = { filling: "x".repeat(12_000) };
    const fill = setInterval(() => {
      for (let n = 0; n < 20; n++) void must(server.url, "POST", "/activities", { message: "fill", extra_data });
    }, 50);
    while (!(await counts()).disconnected) await Bun.sleep(200);
    clearInterval(fill);
    for (const socket of deaf) socket.destroy();
    await cut;
  }));

/** From the server's own log, which tells of each client that it cut off for being too slow. */
async function counts(): Promise<{ disconnected: boolean }> {
  return {
    disconnected: server.output().includes("Disconnected {session}") || server.output().includes("unsent, more than"),
  };
}
