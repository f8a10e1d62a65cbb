import { expect, setDefaultTimeout, test } from "bun:test";
import { send } from "../rest.ts";
import { serverProcess } from "../server-process.ts";
import { connectClient, type Payload } from "../socket-client.ts";
import { tempDir } from "../temp-dir.ts";

setDefaultTimeout(90_000);

/** Rounds of writing, each ended by SIGKILL somewhere in the middle. */
const ROUNDS = 4;
const WRITERS = 8;
/** Acknowledged writes after which a round's server is killed, while others are on their way. */
const WRITES_BEFORE_KILL = 120;

test("kill -9 in a storm of writes: every acknowledged write is there, and a replay has each event once", async () => {
  using dir = tempDir();
  const acknowledged = new Map<string, string>();
  for (let round = 0; round < ROUNDS; round++) {
    await using server = await serverProcess({ dataDir: dir.path });
    let count = 0;
    let killed = false;
    const writer = async (id: number) => {
      for (let i = 0; !killed; i++) {
        const message = `round ${round} writer ${id} write ${i}`;
        try {
          const { status, body } = await send(server.url, "POST", "/activities", { message });
          if (status !== 201) throw new Error(`${status}`);
          acknowledged.set(body.id, message);
        } catch {
          // The kill cut this request: it was never acknowledged, so it may or may not be there.
          return;
        }
        if (++count === WRITES_BEFORE_KILL) {
          killed = true;
          await server.kill("SIGKILL");
        }
      }
    };
    await Promise.all(Array.from({ length: WRITERS }, (_, id) => writer(id)));
    expect(killed).toBe(true);
  }

  await using server = await serverProcess({ dataDir: dir.path });
  using client = await connectClient(server.url, "websocket");
  client.socket.emit("subscribe_activity_stream", { after: 0 });
  const { body } = await send(server.url, "POST", "/activities", { message: "the end" });
  await client.next("activity_stream", (event) => event.data.id === body.id);
  const events = client.received
    .filter((entry) => entry.event === "activity_stream")
    .map((entry) => entry.args[0] as Payload);
  const seqs: number[] = events.map((event) => event.seq);
  expect(seqs).toEqual([...new Set(seqs)].sort((a, b) => a - b));
  const replayed = new Map(events.map((event) => [event.data.id, event.data.message]));
  expect(acknowledged.size).toBeGreaterThanOrEqual(ROUNDS * WRITES_BEFORE_KILL);
  for (const [id, message] of acknowledged) expect(replayed.get(id)).toBe(message);
});
