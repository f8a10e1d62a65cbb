import { describe, expect, spyOn, test } from "bun:test";
import { type Client, type ClientEvents, type ConnectOptions, connect, streamNames } from "../../src/client/index.ts";
import { Listeners } from "../../src/client/listeners.ts";
import { wireEvents } from "../../src/client/streams.ts";
import { eventStreamName, streamName, streams } from "../../src/contract/index.ts";
import { StreamServer } from "./stream-server.ts";

const quick = { socket: { reconnectionDelay: 10, reconnectionDelayMax: 50 } } satisfies ConnectOptions;

/** Resolves with the next payload of `name` that fits. */
function next<Name extends keyof ClientEvents>(
  client: Client,
  name: Name,
  fits: (payload: ClientEvents[Name]) => boolean = () => true,
): Promise<ClientEvents[Name]> {
  return new Promise((resolve) => {
    const off = client.on(name, (payload) => {
      if (!fits(payload)) return;
      off();
      resolve(payload);
    });
  });
}

function activitySeqs(client: Client): number[] {
  const seqs: number[] = [];
  client.on("activity_stream", ({ seq }) => seqs.push(seq ?? Number.NaN));
  return seqs;
}

function numbersTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}

describe("the client's own tables", () => {
  test("name the contract's streams and events", () => {
    expect<readonly string[]>(streamNames).toEqual(streamName.options);
    for (const name of streamName.options) expect<string>(wireEvents[name]).toBe(streams[name].event);
    expect(eventStreamName.options.every((name) => name in wireEvents)).toBe(true);
  });
});

describe("a client over broken connections", () => {
  for (const recovery of [false, true]) {
    for (const transport of ["websocket", "polling"] as const) {
      test(`hands on every event once and in order (${transport}${recovery ? ", recovery" : ""})`, async () => {
        await using server = await new StreamServer({ recovery }).listen();
        for (let n = 0; n < 50; n++) server.write();
        using client = connect(server.url, { ...quick, transports: [transport] });
        const seqs = activitySeqs(client);
        const all = next(client, "activity_stream", ({ seq }) => seq === 400);
        await client.subscribe("activity_stream", { after: 0 });
        for (let cut = 0; cut < 5; cut++) {
          for (let n = 0; n < 30; n++) server.write();
          const lost = next(client, "state", (state) => state === "reconnecting");
          server.cut();
          for (let n = 0; n < 20; n++) server.write();
          await lost;
          for (let n = 0; n < 20; n++) server.write();
          await next(client, "state", (state) => state === "connected");
        }
        await all;
        expect(seqs).toEqual(numbersTo(400));
      });
    }
  }

  test("asks again for a replay that was cut off, though the connection was recovered", async () => {
    await using server = await new StreamServer({ recovery: true }).listen();
    for (let n = 0; n < 20; n++) server.write();
    using client = connect(server.url, quick);
    const seqs = activitySeqs(client);
    let cut = false;
    server.duringReplay = async (seq) => {
      if (seq !== 10 || cut) return;
      cut = true;
      const lost = next(client, "state", (state) => state === "reconnecting");
      server.cut();
      await lost;
    };
    const all = next(client, "activity_stream", ({ seq }) => seq === 20);
    await client.subscribe("activity_stream", { after: 0 });
    await all;
    expect(seqs).toEqual(numbersTo(20));
  });

  test("misses nothing when the connection is lost before the first event", async () => {
    await using server = await new StreamServer().listen();
    for (let n = 0; n < 3; n++) server.write();
    using client = connect(server.url, quick);
    const seqs = activitySeqs(client);
    await client.subscribe("activity_stream");
    const lost = next(client, "state", (state) => state === "reconnecting");
    server.cut();
    await lost;
    server.write();
    await next(client, "activity_stream", ({ seq }) => seq === 4);
    expect(seqs).toEqual([4]);
  });

  test("gets a fresh snapshot of a state stream", async () => {
    await using server = await new StreamServer().listen();
    using client = connect(server.url, quick);
    const first = next(client, "system_resources");
    await client.subscribe("system_resources");
    await first;
    const second = next(client, "system_resources");
    server.cut();
    expect<unknown>((await second).data).toBe(2);
  });

  test("comes back after the server has sent it away", async () => {
    await using server = await new StreamServer().listen();
    using client = connect(server.url, quick);
    await client.subscribe("activity_stream");
    const lost = next(client, "state", (state) => state === "reconnecting");
    server.io.disconnectSockets(true);
    await lost;
    await next(client, "state", (state) => state === "connected");
    const event = next(client, "activity_stream");
    server.write();
    expect((await event).seq).toBe(1);
  });

  test("tells of a gap and goes on live when the server has another history", async () => {
    await using full = await new StreamServer().listen();
    for (let n = 0; n < 5; n++) full.write();
    const { url } = full;
    using client = connect(url, quick);
    const caughtUp = next(client, "activity_stream", ({ seq }) => seq === 5);
    await client.subscribe("activity_stream", { after: 0 });
    await caughtUp;
    await full[Symbol.asyncDispose]();
    const gap = next(client, "gap");
    await using empty = await new StreamServer().listen(Number(new URL(url).port));
    expect(await gap).toEqual({ stream: "activity_stream", after: 5, message: "no such event" });
    // The request after the refused one is live once the server has put the client into the room.
    while (!empty.io.sockets.adapter.rooms.has("activity_stream")) await new Promise((r) => setImmediate(r));
    const event = next(client, "activity_stream");
    empty.write();
    expect((await event).seq).toBe(1);
  });
});

describe("subscribing", () => {
  test("waits for a server that is not up yet", async () => {
    await using first = await new StreamServer().listen();
    const { url } = first;
    await first[Symbol.asyncDispose]();
    using client = connect(url, quick);
    const failure = next(client, "error");
    const subscribed = client.subscribe("activity_stream");
    expect((await failure).message).toBe(`cannot reach ${url}: nothing listens there`);
    expect(client.state).toBe("connecting");
    await using _server = await new StreamServer().listen(Number(new URL(url).port));
    expect((await subscribed).event_type).toBe("activity_stream");
    expect(client.state).toBe("connected");
    expect(client.sessionId).toStartWith("client_");
  });

  test("rejects with the server's code and valid events", async () => {
    await using server = await new StreamServer().listen();
    using client = connect(server.url, quick);
    const refused = client.subscribe("system_alerts").catch((error: unknown) => error);
    expect(await refused).toMatchObject({
      name: "SubscriptionRefusedError",
      code: "forbidden",
      stream: "system_alerts",
      validEvents: ["subscribe_all"],
      message: "Not yours.",
    });
    const unknown = client.subscribe("activity_stream", { after: 9 }).catch((error: unknown) => error);
    expect(await unknown).toMatchObject({ code: "unknown_id" });
    // A refusal leaves nothing behind: the same stream can be asked for again.
    expect((await client.subscribe("activity_stream")).seq).toBe(0);
  });

  test("is tried again when the server failed after it had acknowledged", async () => {
    await using server = await new StreamServer().listen();
    server.failures = 1;
    using client = connect(server.url, quick);
    const failure = next(client, "error");
    await client.subscribe("activity_stream");
    expect(await failure).toMatchObject({ name: "SubscriptionRefusedError", code: "internal_error" });
    server.write();
    // What was committed while it was not subscribed is not lost either.
    expect((await next(client, "activity_stream")).seq).toBe(1);
  }, 15_000); // The second request comes after five seconds.

  test("twice asks once, and again after unsubscribing replays again", async () => {
    await using server = await new StreamServer().listen();
    for (let n = 0; n < 3; n++) server.write();
    using client = connect(server.url, quick);
    const seqs = activitySeqs(client);
    let caughtUp = next(client, "activity_stream", ({ seq }) => seq === 3);
    await Promise.all([
      client.subscribe("activity_stream", { after: 0 }),
      client.subscribe("activity_stream", { after: 0 }),
    ]);
    await caughtUp;
    client.unsubscribe("activity_stream");
    caughtUp = next(client, "activity_stream", ({ seq }) => seq === 3);
    await client.subscribe("activity_stream", { after: 1 });
    await caughtUp;
    expect(seqs).toEqual([1, 2, 3, 2, 3]);
    expect(server.requests).toEqual([
      { event: "subscribe_activity_stream", after: 0 },
      { event: "unsubscribe_activity_stream", after: undefined },
      { event: "subscribe_activity_stream", after: 1 },
    ]);
  });

  test("with a wrong token ends as unauthorized, and says so to whoever waits or asks later", async () => {
    await using server = await new StreamServer().listen();
    server.token = "the right one";
    using client = connect(server.url, { ...quick, token: "a wrong one" });
    const told = next(client, "error");
    const waiting = client.subscribe("activity_stream").catch((error: unknown) => error);
    expect(await waiting).toMatchObject({ name: "UnauthorizedError", message: "Send the right token." });
    expect(await told).toMatchObject({ name: "UnauthorizedError" });
    expect(client.state).toBe("unauthorized");
    expect(await client.subscribe("model_status").catch((error: unknown) => error)).toMatchObject({
      name: "UnauthorizedError",
    });
    using trusted = connect(server.url, { ...quick, token: "the right one" });
    expect((await trusted.subscribe("activity_stream")).event_type).toBe("activity_stream");
  });

  test("ends with the client", async () => {
    await using server = await new StreamServer().listen();
    const client = connect(server.url, quick);
    await client.subscribe("activity_stream");
    const pending = client.subscribe("system_resources").catch((error: unknown) => error);
    client.close();
    expect(await pending).toMatchObject({ name: "ClientClosedError" });
    expect(client.state).toBe("closed");
    expect(await client.subscribe("activity_stream").catch((error: unknown) => error)).toMatchObject({
      name: "ClientClosedError",
    });
    while (server.io.sockets.sockets.size > 0) await new Promise((r) => setImmediate(r));
  });
});

test("a listener that throws does not keep the others from their event", () => {
  using report = spyOn(globalThis, "queueMicrotask").mockImplementation(() => {});
  const listeners = new Listeners<{ tick: number }>();
  const heard: number[] = [];
  listeners.on("tick", () => {
    throw new Error("a listener's own fault");
  });
  const off = listeners.on("tick", (count) => heard.push(count));
  listeners.emit("tick", 1);
  off();
  listeners.emit("tick", 2);
  expect(heard).toEqual([1]);
  expect(report.mock.calls[0]?.[0]).toThrow("a listener's own fault");
});
