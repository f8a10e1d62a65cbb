import { describe, expect, test } from "bun:test";
import type { Socket } from "socket.io";
import { type Socket as Client, connect } from "socket.io-client";
import { bunHost } from "../../src/host/bun.ts";
import type { Topics } from "../../src/host/host.ts";
import { type Session, type SessionStore, TopicAdapter, topicAdapter } from "../../src/realtime/topic-adapter.ts";
import { type Overrides, type RunningHost, withHost } from "../host/running-host.ts";

type Transports = ("websocket" | "polling")[];

/** What the adapter asked of the host's topics. */
interface Calls {
  readonly published: string[];
  subscribed: number;
}

interface Running extends RunningHost {
  readonly calls: Calls;
  /** Connects a client and waits until the server has joined it to `room`. */
  join(transports?: Transports, namespace?: string): Promise<Client>;
}

/** A server whose sockets all join `room`, on Bun's topics or, with `native` off, without any. */
async function serving(
  native: boolean,
  overrides: Overrides & { sessions?: SessionStore },
  use: (running: Running) => Promise<void>,
): Promise<void> {
  const host = bunHost();
  const calls: Calls = { published: [], subscribed: 0 };
  const { topics } = host;
  if (!topics) throw new Error("Bun has topics");
  const counted: Topics = {
    publish(topic, data, compress) {
      calls.published.push(data);
      topics.publish(topic, data, compress);
    },
    subscribe(connection, topic) {
      calls.subscribed += 1;
      return topics.subscribe(connection, topic);
    },
    unsubscribe: (connection, topic) => topics.unsubscribe(connection, topic),
  };
  const { sessions, ...rest } = overrides;
  const adapter = topicAdapter({ topics: native ? counted : undefined, sessions, compress: false });
  const clients: Client[] = [];
  const join = async (transports: Transports = ["websocket"], namespace = "/") => {
    const client = connect(running.url + namespace, { transports, forceNew: true, reconnection: false });
    clients.push(client);
    await new Promise((resolve) => client.once("joined", resolve));
    return client;
  };
  let running: RunningHost;
  await withHost(
    host,
    {
      onConnection(socket) {
        if (!socket.recovered) void socket.join("room");
        socket.emit("joined");
      },
      ...rest,
      server: { ...rest.server, adapter },
    },
    async (host) => {
      running = host;
      try {
        await use({ ...host, calls, join });
      } finally {
        for (const client of clients) client.disconnect();
      }
    },
  );
}

/** Everything `client` gets from now on under the name `n`, until `end` arrives. */
function numbers(client: Client): Promise<unknown[]> {
  const got: unknown[] = [];
  client.on("n", (n: unknown) => got.push(n));
  return new Promise((resolve) => client.once("end", () => resolve(got)));
}

/** What is written to the connection of `socket` alone, from now on. */
function writesOf({ client }: Socket): unknown[] {
  const written: unknown[] = [];
  const write = client._packet;
  client._packet = (...args) => {
    written.push(args[0]);
    write.apply(client, args);
  };
  return written;
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

const everyTransport: Transports[] = [["websocket"], ["polling"], ["polling", "websocket"]];

for (const native of [true, false]) {
  describe(native ? "rooms as native topics" : "rooms without native topics", () => {
    test("every member gets every broadcast once and in order, on every transport", () =>
      serving(native, {}, async ({ io, join }) => {
        const clients = await Promise.all(everyTransport.map((transports) => join(transports)));
        const got = clients.map(numbers);
        for (const n of range(200)) io.to("room").emit("n", n);
        io.to("room").emit("end");
        for (const list of await Promise.all(got)) expect(list).toEqual(range(200));
      }));

    test("broadcasts and direct sends keep their order on one connection", () =>
      serving(native, {}, async ({ io, join }) => {
        const client = await join();
        const got = numbers(client);
        const [socket] = io.sockets.sockets.values();
        for (const n of range(300)) {
          if (n % 3 === 0) socket?.emit("n", n);
          else io.to("room").emit("n", n);
        }
        socket?.emit("end");
        expect(await got).toEqual(range(300));
      }));

    test("an upgrade in the middle of a stream loses nothing, doubles nothing and keeps the order", () =>
      serving(native, {}, async ({ io, join }) => {
        const upgrading = await Promise.all(range(20).map(() => join(["polling", "websocket"])));
        const got = upgrading.map(numbers);
        const upgraded = upgrading.map((client) =>
          client.io.engine.transport.name === "websocket"
            ? undefined
            : new Promise((resolve) => client.io.engine.once("upgrade", resolve)),
        );
        let n = 0;
        const stream = setInterval(() => {
          io.to("room").emit("n", n++);
          for (const socket of io.sockets.sockets.values()) socket.emit("n", n);
          n += 1;
          io.to("room").emit("n", n++);
        }, 1);
        await Promise.all(upgraded);
        clearInterval(stream);
        for (let more = 0; more < 10; more++) io.to("room").emit("n", n++);
        for (const socket of io.sockets.sockets.values()) socket.emit("end");
        for (const list of await Promise.all(got)) expect(list).toEqual(range(n));
        for (const client of upgrading) expect(client.io.engine.transport.name).toBe("websocket");
      }));

    test("who leaves gets what was broadcast before and nothing after", () =>
      serving(native, {}, async ({ io, join }) => {
        const client = await join();
        await join();
        const got = numbers(client);
        const [socket] = io.sockets.sockets.values();
        io.to("room").emit("n", "before");
        void socket?.leave("room");
        io.to("room").emit("n", "away");
        void socket?.join("room");
        io.to("room").emit("n", "back");
        socket?.emit("end");
        expect(await got).toEqual(["before", "back"]);
      }));

    test("what is said to a client right before it is disconnected arrives", () =>
      serving(native, {}, async ({ io, join }) => {
        const client = await join();
        const got = numbers(client);
        io.to("room").emit("n", "last words");
        io.to("room").emit("end");
        io.disconnectSockets(true);
        expect(await got).toEqual(["last words"]);
      }));

    test("a client that vanishes among broadcasts does not disturb the others, and its rooms are emptied", () =>
      serving(native, {}, async ({ io, join }) => {
        const [stays, vanishes] = [await join(), await join()];
        const got = numbers(stays);
        for (const n of range(50)) {
          io.to("room").emit("n", n);
          if (n === 10) vanishes.disconnect();
          if (n % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
        }
        io.to("room").emit("end");
        expect(await got).toEqual(range(50));
        const deleted = new Promise((resolve) => io.of("/").adapter.once("delete-room", resolve));
        stays.disconnect();
        await deleted;
        expect(io.of("/").adapter.rooms.size).toBe(0);
        expect(io.of("/").adapter.sids.size).toBe(0);
      }));

    test("rooms of the same name in two namespaces of one connection are apart", () =>
      serving(native, {}, async ({ io, join }) => {
        const left = Promise.withResolvers<void>();
        io.of("/other").on("connection", (socket) => {
          void socket.join("room");
          socket.emit("joined");
          socket.once("disconnect", () => left.resolve());
        });
        const client = await join();
        const other = client.io.socket("/other");
        await new Promise((resolve) => other.once("joined", resolve));
        const got = [numbers(client), numbers(other)];
        io.to("room").emit("n", "main");
        io.of("/other").to("room").emit("n", "other");
        io.to("room").emit("end");
        io.of("/other").to("room").emit("end");
        expect(await Promise.all(got)).toEqual([["main"], ["other"]]);
        other.disconnect();
        await left.promise;
        const still = new Promise((resolve) => client.once("n", resolve));
        io.to("room").emit("n", "still");
        expect(await still).toBe("still");
      }));

    test("exceptions, several rooms, binary and volatile broadcasts reach whom they should", () =>
      serving(native, {}, async ({ io, join }) => {
        const [one, two] = [await join(), await join(["polling"])];
        const [first, second] = [...io.sockets.sockets.values()];
        void second?.join("second room");
        const got = [numbers(one), numbers(two)];
        io.to("room").except("second room").emit("n", "one only");
        first?.to("room").emit("n", "two only");
        io.to("room").to("second room").emit("n", "both");
        io.to("room").emit("n", Buffer.from("binary"));
        io.emit("n", "all");
        io.to("nobody here").emit("n", "nobody");
        io.to("room").emit("end");
        const [a, b] = await Promise.all(got);
        expect(a).toEqual(["one only", "both", Buffer.from("binary"), "all"]);
        expect(b).toEqual(["two only", "both", Buffer.from("binary"), "all"]);
        const heard = new Promise((resolve) => one.once("n", resolve));
        io.to("room").volatile.emit("n", "volatile");
        expect(await heard).toBe("volatile");
      }));

    test("a broadcast with acknowledgements gathers them", () =>
      serving(native, {}, async ({ io, join }) => {
        const clients = [await join(), await join(["polling"])];
        for (const [index, client] of clients.entries()) {
          client.on("question", (acknowledge: (answer: number) => void) => acknowledge(index));
        }
        const answers: number[] = await io.to("room").timeout(2_000).emitWithAck("question");
        expect(answers.sort()).toEqual([0, 1]);
      }));

    test("a room named as another socket goes on when that socket is gone", () =>
      serving(native, {}, async ({ io, join }) => {
        const [owner, guest] = [await join(), await join()];
        const ownId = String(owner.id);
        io.sockets.sockets.get(String(guest.id))?.join(ownId);
        const got = numbers(guest);
        const heard = new Promise((resolve) => owner.once("n", resolve));
        io.to(ownId).emit("n", 1);
        expect(await heard).toBe(1);
        const left = new Promise((resolve) => io.sockets.sockets.get(ownId)?.once("disconnect", resolve));
        owner.disconnect();
        await left;
        io.to(ownId).emit("n", 2);
        io.to("room").emit("end");
        expect(await got).toEqual([1, 2]);
      }));

    test("a skipped member stays in the room and is heard again when it is back", () =>
      serving(native, {}, async ({ io, join }) => {
        const clients = [await join(), await join(["polling"])];
        const got = clients.map(numbers);
        const { adapter } = io.of("/");
        if (!(adapter instanceof TopicAdapter)) throw new Error("not the topic adapter");
        const ids = [...io.sockets.sockets.keys()];
        io.to("room").emit("n", 1);
        for (const id of ids) expect(adapter.skip(id, "room")).toBe(true);
        for (const id of ids) expect(adapter.skip(id, "room")).toBe(false);
        io.to("room").emit("n", 2);
        expect(adapter.rooms.get("room")?.size).toBe(2);
        for (const id of ids) expect(adapter.unskip(id, "room")).toBe(true);
        for (const id of ids) expect(adapter.unskip(id, "room")).toBe(false);
        io.to("room").emit("n", 3);
        io.to("room").emit("end");
        expect(await Promise.all(got)).toEqual([
          [1, 3],
          [1, 3],
        ]);
        expect(adapter.skip(ids[0] ?? "", "another room")).toBe(false);
      }));

    describe("recovery", () => {
      const recovering = { connectionStateRecovery: { maxDisconnectionDuration: 60_000, skipMiddlewares: false } };

      /** Keeps one session; `missed` is what it is said to have missed. */
      class OneSession implements SessionStore {
        session: Session | undefined;
        missed: unknown[][] = [];

        save(session: Session): void {
          this.session = session;
        }

        take(pid: string, offset: string) {
          const { session } = this;
          if (session?.pid !== pid || offset !== "offset") return undefined;
          this.session = undefined;
          const missed = () => this.missed;
          return {
            ...session,
            get missedPackets() {
              return missed();
            },
          };
        }
      }

      /** Loses the connection of `client` without a word, and waits until the server knows. */
      async function lose(client: Client, io: RunningHost["io"]): Promise<string> {
        const id = String(client.id);
        const lost = new Promise((resolve) => io.sockets.sockets.get(id)?.once("disconnect", resolve));
        client.io.engine.close();
        await lost;
        return id;
      }

      test("goes on in its rooms with what it missed first, and events have no argument more", async () => {
        const sessions = new OneSession();
        await serving(native, { server: recovering, sessions }, async ({ io, join }) => {
          const [client] = [await join(), await join()];
          const id = await lose(client, io);
          // What a client that was sent an offset as the last argument of an event would have kept.
          Reflect.set(client, "_lastOffset", "offset");
          sessions.missed = [["n", "missed"]];
          const args: unknown[][] = [];
          client.on("n", (...all: unknown[]) => args.push(all));
          const end = new Promise((resolve) => client.once("end", resolve));
          client.connect();
          await new Promise((resolve) => io.once("connection", resolve));
          io.to("room").emit("n", "live");
          io.to("room").emit("end");
          await end;
          expect(client.recovered).toBe(true);
          expect(client.id).toBe(id);
          expect(args).toEqual([["missed"], ["live"]]);
        });
      });

      test("misses nothing of what is broadcast while middlewares still decide", async () => {
        const sessions = new OneSession();
        await serving(native, { server: recovering, sessions }, async ({ io, join }) => {
          const client = await join();
          await lose(client, io);
          Reflect.set(client, "_lastOffset", "offset");
          const deciding = Promise.withResolvers<void>();
          const decided = Promise.withResolvers<void>();
          io.use(async (_socket, next) => {
            deciding.resolve();
            await decided.promise;
            next();
          });
          const got = numbers(client);
          client.connect();
          await deciding.promise;
          // Committed to the store and broadcast meanwhile.
          sessions.missed = [["n", 1]];
          io.to("room").emit("n", 1);
          decided.resolve();
          await new Promise((resolve) => io.once("connection", resolve));
          io.to("room").emit("n", 2);
          io.to("room").emit("end");
          expect(await got).toEqual([1, 2]);
        });
      });

      test("sends nothing to a client that a middleware refuses", async () => {
        const sessions = new OneSession();
        await serving(native, { server: recovering, sessions }, async ({ io, join }) => {
          const client = await join();
          await lose(client, io);
          Reflect.set(client, "_lastOffset", "offset");
          sessions.missed = [["n", "secret"]];
          io.use((_socket, next) => next(new Error("revoked")));
          const packets: string[] = [];
          client.io.on("packet", (packet) => packets.push(JSON.stringify(packet)));
          const refused = new Promise<Error>((resolve) => client.once("connect_error", resolve));
          client.connect();
          expect((await refused).message).toBe("revoked");
          expect(packets.join()).not.toContain("secret");
          expect(io.of("/").adapter.sids.size).toBe(0);
        });
      });
    });
  });
}

describe("what native topics cost", () => {
  test("a broadcast to any number of WebSockets is one publish and no write of its own", () =>
    serving(true, {}, async ({ io, join, calls }) => {
      const clients = await Promise.all(range(5).map(() => join()));
      const got = clients.map(numbers);
      const written = [...io.sockets.sockets.values()].map(writesOf);
      io.to("room").emit("n", 1);
      io.to("room").emit("end");
      await Promise.all(got);
      expect(calls.published).toEqual(['42["n",1]', '42["end"]']);
      expect(written.flat()).toEqual([]);
    }));

  test("who upgrades from polling is reached by the publish from then on", () =>
    serving(true, {}, async ({ io, join }) => {
      const client = await join(["polling", "websocket"]);
      const [socket] = io.sockets.sockets.values();
      if (!socket) throw new Error("not connected");
      if (socket.conn.transport.name === "polling") {
        await new Promise<void>((resolve) => socket.conn.once("upgrade", () => resolve()));
      }
      const written = writesOf(socket);
      const got = numbers(client);
      io.to("room").emit("n", 1);
      io.to("room").emit("end");
      expect(await got).toEqual([1]);
      expect(written).toEqual([]);
    }));

  test("the room of its own that every socket is in is no topic", () =>
    serving(true, { onConnection: (socket) => socket.emit("joined") }, async ({ io, join, calls }) => {
      const client = await join();
      const got = numbers(client);
      io.to(String(client.id)).emit("n", 1);
      io.to(String(client.id)).emit("end");
      expect(await got).toEqual([1]);
      expect(calls).toEqual({ published: [], subscribed: 0 });
    }));
});
