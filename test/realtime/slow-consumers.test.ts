import { describe, expect, test } from "bun:test";
import { setImmediate } from "node:timers/promises";
import { configureSync, getLogger, type LogRecord, resetSync } from "@logtape/logtape";
import { connect } from "socket.io-client";
import { bunHost } from "../../src/host/bun.ts";
import type { Io, IoSocket } from "../../src/realtime/io.ts";
import { SlowConsumers, unsentBytes } from "../../src/realtime/slow-consumers.ts";
import { FakeClock } from "../fake-clock.ts";
import { RawWebSocket } from "../host/raw-web-socket.ts";
import { handshake, type RunningHost, withHost } from "../host/running-host.ts";

const LAG = 64 * 1_024;
const BACKLOG = 512 * 1_024;
/** Length of a message; large, so that the operating system's buffers are soon full. */
const MESSAGE = 10_000;
const WEBSOCKET = "/socket.io/?EIO=4&transport=websocket";
const POLLING = "/socket.io/?EIO=4&transport=polling";

interface Running extends Omit<RunningHost, "io"> {
  readonly io: Io;
  readonly clock: FakeClock;
  readonly slow: SlowConsumers;
  readonly warnings: LogRecord[];
  /** The clients that were sent the state, in order. */
  readonly snapshots: string[];
  /** A WebSocket client in both rooms that does not read, and its socket here. */
  deaf(): Promise<{ readonly client: RawWebSocket; readonly socket: IoSocket }>;
  /** Broadcasts a state. */
  state(name: string): void;
  /** Broadcasts numbered events until `enough`; returns how many. */
  broadcast(enough: () => boolean): Promise<number>;
}

async function serving(use: (running: Running) => Promise<void>): Promise<void> {
  const warnings: LogRecord[] = [];
  configureSync({
    reset: true,
    sinks: { warnings: (record) => warnings.push(record) },
    loggers: [
      { category: "slow-consumers-test", lowestLevel: "warning", sinks: ["warnings"] },
      { category: ["logtape", "meta"], lowestLevel: "error", sinks: [] },
    ],
  });
  const clock = new FakeClock();
  const snapshots: string[] = [];
  const onConnection = (socket: import("socket.io").Socket) => {
    socket.data.sessionId = "client_test";
    void socket.join("activity_stream");
    void socket.join("system_resources");
    socket.emit("joined");
  };
  await withHost(bunHost(), { onConnection, socket: { backlogBytes: BACKLOG } }, async (host) => {
    const io: Io = host.io;
    const slow = new SlowConsumers({
      io,
      clock,
      log: getLogger("slow-consumers-test"),
      lagBytes: LAG,
      backlogBytes: BACKLOG,
      snapshot(socket, stream) {
        snapshots.push(`${socket.id} ${stream}`);
        host.io.to(socket.id).emit("state", "snapshot");
      },
    });
    const deaf = async () => {
      const client = await RawWebSocket.open(host.port, WEBSOCKET);
      const connected = new Promise<IoSocket>((resolve) => io.once("connection", resolve));
      await client.nextText("0");
      client.send("40");
      const socket = await connected;
      await client.nextText('42["joined"');
      client.pause();
      return { client, socket };
    };
    let n = 0;
    const broadcast = async (enough: () => boolean) => {
      const first = n;
      while (!enough()) {
        host.io.to("activity_stream").emit("event", n++, "x".repeat(MESSAGE));
        // What was published goes out at the end of the turn.
        await setImmediate();
      }
      return n - first;
    };
    const state = (name: string) => void host.io.to("system_resources").emit("state", name);
    try {
      await use({ ...host, io, clock, slow, warnings, snapshots, deaf, state, broadcast });
    } finally {
      slow[Symbol.dispose]();
      resetSync();
    }
  });
}

/** The numbers of the events that `client` still gets until its connection ends. */
async function numbersUntilClosed(client: RawWebSocket): Promise<number[]> {
  const got: number[] = [];
  for (;;) {
    const frame = await client.next();
    if (!frame) return got;
    const number = /^42\["event",(\d+),/.exec(frame.payload.toString())?.[1];
    if (number !== undefined) got.push(Number(number));
  }
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

describe("a client that does not keep up", () => {
  test("is disconnected with a reason above the backlog, and what it did get has no gap", () =>
    serving(async ({ url, clock, slow, warnings, deaf, broadcast }) => {
      const reader = connect(url, { transports: ["websocket"], forceNew: true, reconnection: false });
      const heard: number[] = [];
      reader.on("event", (n: number) => heard.push(n));
      await new Promise((resolve) => reader.once("joined", resolve));
      const { client, socket } = await deaf();
      const sent = await broadcast(() => unsentBytes(socket) > BACKLOG);
      expect(slow.disconnected).toBe(0);
      const gone = new Promise((resolve) => socket.once("disconnect", resolve));
      await clock.advance(250);
      expect(await gone).toBe("transport close");
      expect(slow.disconnected).toBe(1);
      expect(warnings).toHaveLength(1);
      expect(warnings[0]?.properties).toMatchObject({ session: "client_test", address: "127.0.0.1", limit: BACKLOG });
      client.resume();
      const got = await numbersUntilClosed(client);
      expect(got).toEqual(range(got.length));
      expect(got.length).toBeGreaterThan(0);
      expect(client.closeCode).toBe(1013);
      while (heard.length < sent) await setImmediate();
      expect(heard).toEqual(range(sent));
      reader.disconnect();
      client.destroy();
    }));

  test("is cut by the host itself when it falls behind between two looks, and never sees a gap", () =>
    serving(async ({ deaf, broadcast }) => {
      const { client, socket } = await deaf();
      let most = 0;
      let gone = false;
      socket.once("disconnect", () => {
        gone = true;
      });
      const sent = await broadcast(() => {
        most = Math.max(most, unsentBytes(socket));
        return gone;
      });
      expect(most).toBeGreaterThan(BACKLOG);
      expect(most).toBeLessThan(2 * BACKLOG + 2 * MESSAGE);
      client.resume();
      const got = await numbersUntilClosed(client);
      expect(got).toEqual(range(got.length));
      expect(got.length).toBeLessThan(sent);
      client.destroy();
    }));

  test("misses states but no event while it lags, and has the current state before the next when it is back", () =>
    serving(async ({ state, clock, slow, snapshots, deaf, broadcast }) => {
      const { client, socket } = await deaf();
      const before = await broadcast(() => unsentBytes(socket) > LAG);
      state("queued");
      await clock.advance(250);
      expect(slow.lagging).toBe(1);
      state("skipped");
      const during = await broadcast(() => unsentBytes(socket) > LAG + 5 * MESSAGE);
      await clock.advance(250);
      state("skipped too");
      expect(snapshots).toEqual([]);
      expect(socket.rooms.has("system_resources")).toBe(true);
      client.resume();
      while (unsentBytes(socket) > 0) await setImmediate();
      await clock.advance(250);
      expect(slow.lagging).toBe(0);
      expect(snapshots).toEqual([`${socket.id} system_resources`]);
      state("live");
      const states: string[] = [];
      let events = 0;
      while (states.at(-1) !== "live") {
        const text = (await client.nextText("42")).slice(2);
        const [name, value]: string[] = JSON.parse(text);
        if (name === "state" && value !== undefined) states.push(value);
        if (name === "event") events += 1;
      }
      expect(states).toEqual(["queued", "snapshot", "live"]);
      expect(events).toBe(before + during);
      client.destroy();
    }));

  test("is bounded as well when it stops polling, by bytes and by packets", () =>
    serving(async ({ io, url, clock, slow, broadcast }) => {
      for (const empty of [false, true]) {
        const sid = await handshake(url);
        const connected = new Promise<IoSocket>((resolve) => io.once("connection", resolve));
        await fetch(`${url}${POLLING}&sid=${sid}`, { method: "POST", body: "40" });
        const socket = await connected;
        if (empty) while (unsentBytes(socket) <= BACKLOG) socket.conn.write("");
        else await broadcast(() => unsentBytes(socket) > BACKLOG);
        await clock.advance(250);
        expect(socket.connected).toBe(false);
        expect(unsentBytes(socket)).toBe(0);
        expect((await fetch(`${url}${POLLING}&sid=${sid}`)).status).toBe(400);
      }
      expect(slow.disconnected).toBe(2);
    }));

  test("costs nothing while nobody is connected", () =>
    serving(async ({ io, clock, deaf }) => {
      expect(clock.pending).toBe(0);
      const { client, socket } = await deaf();
      expect(clock.pending).toBe(1);
      const gone = new Promise((resolve) => socket.once("disconnect", resolve));
      client.destroy();
      await gone;
      expect(io.sockets.sockets.size).toBe(0);
      await clock.advance(250);
      expect(clock.pending).toBe(0);
    }));
});
