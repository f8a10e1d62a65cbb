import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { must } from "../rest.ts";
import { type Runtime, type ServerProcess, serverProcess } from "../server-process.ts";
import { connectClient, type Payload, type TestClient, type Transport } from "../socket-client.ts";

setDefaultTimeout(60_000);

const seqs = (client: TestClient) =>
  client.received.filter((e) => e.event === "activity_stream").map((e) => (e.args[0] as Payload).seq as number);

/** `1 … n` from the number after `first`. */
const following = (first: number, last: number) => Array.from({ length: last - first }, (_, i) => first + 1 + i);

/** Replay with `after`, and recovery of a lost connection. */
export function replayClauses(runtime: Runtime, transport: Transport): void {
  describe(`replay on ${runtime} over ${transport}`, () => {
    let server: ServerProcess;
    const connect = (options?: object) => connectClient(server.url, transport, options);
    const say = async (message: string) => {
      const { id } = await must(server.url, "POST", "/activities", { message });
      return Number(id.slice("act-".length));
    };

    beforeAll(async () => {
      server = await serverProcess({ runtime });
      for (let i = 0; i < 20; i++) await say(`early ${i}`);
    });
    afterAll(async () => {
      await server[Symbol.asyncDispose]();
    });

    test.each([
      ["a number", 12],
      ["an id", "act-12"],
    ])("after %s: everything newer, in order, marked, then live", async (_, after) => {
      using client = await connect();
      client.socket.emit("subscribe_activity_stream", { after });
      const newest = await say("live");
      await client.next("activity_stream", (e) => e.seq === newest);
      expect(seqs(client)).toEqual(following(12, newest));
      const replayed = client.received
        .filter((e) => e.event === "activity_stream")
        .map((e) => (e.args[0] as Payload).replayed);
      expect(replayed.slice(0, 8)).toEqual(Array(8).fill(true));
      expect(client.received.find((e) => e.event !== "recovery_offset")?.event).toBe("subscribed");
    });

    test("after the newest: nothing but what comes live", async () => {
      const newest = await say("the newest");
      using client = await connect();
      await client.ask("subscribe_activity_stream", { after: newest });
      const live = await say("live");
      await client.next("activity_stream", (e) => e.seq === live);
      expect(seqs(client)).toEqual([live]);
    });

    test("a replay during a storm of writes has neither gap nor duplicate", async () => {
      const start = await say("storm begins");
      let last = start;
      const storm = (async () => {
        for (let round = 0; round < 30; round++) {
          last = Math.max(...(await Promise.all(Array.from({ length: 20 }, (_, i) => say(`storm ${round} ${i}`)))));
        }
      })();
      const clients = await Promise.all(Array.from({ length: 5 }, () => connect()));
      for (const client of clients) client.socket.emit("subscribe_activity_stream", { after: start });
      await storm;
      for (const client of clients) {
        using reader = client;
        await reader.next("activity_stream", (e) => e.seq === last);
        expect(seqs(reader)).toEqual(following(start, last));
      }
    });

    test("unsubscribing during a replay ends it", async () => {
      using client = await connect();
      client.socket.emit("subscribe_activity_stream", { after: 0 });
      await client.ask("unsubscribe_activity_stream");
      const count = seqs(client).length;
      await say("nobody listens");
      await client.ask("unsubscribe_activity_stream");
      expect(seqs(client)).toHaveLength(count);
    });

    test("a lost connection is recovered: same session, same subscriptions, what was missed once and in order", async () => {
      using client = await connect({ reconnectionDelay: 300, reconnectionDelayMax: 300, randomizationFactor: 0 });
      const { session_id } = await client.ask("subscribe_activity_stream");
      const seen = await say("before the loss");
      await client.next("activity_stream", (e) => e.seq === seen);
      await client.next("recovery_offset", (offset) => offset.includes(`a${seen}.`));
      const back = new Promise<void>((resolve) => client.socket.once("connect", resolve));
      client.socket.io.engine.close();
      let last = seen;
      for (let i = 0; i < 3; i++) last = await say("while it was away");
      await back;
      expect(client.socket.recovered).toBe(true);
      await client.next("activity_stream", (e) => e.seq === last);
      const live = await say("and live again");
      await client.next("activity_stream", (e) => e.seq === live);
      expect(seqs(client)).toEqual(following(seen - 1, live));
      expect((await client.ask("subscribe_activity_stream")).session_id).toBe(session_id);
    });

    test("a client that presents somebody's made-up session starts anew", async () => {
      using client = await connect({ auth: { pid: "nobody", offset: "a0.l0.d0" } });
      expect(client.socket.recovered).toBe(false);
      expect(await client.ask("subscribe_all")).toMatchObject({ event_type: "all" });
    });
  });
}
