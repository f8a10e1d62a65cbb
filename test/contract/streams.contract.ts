import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import {
  activityStreamEvent,
  activityType,
  modelStatusUpdate,
  severity,
  streamName,
  streams,
  subscribedMessage,
  subscriptionAck,
  subscriptionError,
  systemResourcesUpdate,
  unsubscribedMessage,
} from "../../src/contract/index.ts";
import { validEvents } from "../../src/realtime/requests.ts";
import { must } from "../rest.ts";
import { type Runtime, type ServerProcess, serverProcess } from "../server-process.ts";
import { connectClient, type Payload, type TestClient, type Transport } from "../socket-client.ts";
import { differences, samples } from "./document.ts";

setDefaultTimeout(60_000);

/** How often a client got the activity with this id. */
const copies = (client: TestClient, id: string) =>
  client.received.filter((entry) => entry.event === "activity_stream" && (entry.args[0] as Payload).data.id === id);

/** Every clause about subscriptions and streams, on one runtime over one transport. */
export function streamClauses(runtime: Runtime, transport: Transport): void {
  // Mostly waiting for ticks, so together; each test has clients of its own.
  describe.concurrent(`streams on ${runtime} over ${transport}`, () => {
    let server: ServerProcess;
    const connect = (options?: object) => connectClient(server.url, transport, options);
    const say = (message: string, extra: object = {}) => must(server.url, "POST", "/activities", { message, ...extra });

    beforeAll(async () => {
      server = await serverProcess({ runtime });
    });
    afterAll(async () => {
      await server[Symbol.asyncDispose]();
    });

    test("the endpoint is /socket.io/ and speaks the asked transport", async () => {
      using client = await connect({ path: "/socket.io/" });
      expect(client.socket.io.engine.transport.name).toBe(transport);
    });

    test.each(streamName.options)(
      "%s: subscribing and unsubscribing are acknowledged as documented",
      async (stream) => {
        using client = await connect();
        client.socket.emit(`subscribe_${stream}`);
        const ack = subscriptionAck.parse(await client.next("subscribed"));
        expect(ack).toMatchObject({ event_type: stream, message: subscribedMessage(stream) });
        client.socket.emit(`unsubscribe_${stream}`);
        expect(await client.next("unsubscribed")).toEqual({
          event_type: stream,
          message: unsubscribedMessage(stream),
          session_id: ack.session_id,
        });
      },
    );

    test("the acknowledgement of system_resources is the document's, word for word", async () => {
      using client = await connect();
      client.socket.emit("subscribe_system_resources");
      expect((await client.next("subscribed")).message).toBe("System resources subscription successful");
    });

    test("a callback gets the same payload as the event", async () => {
      using client = await connect();
      const answer = await client.ask("subscribe_activity_stream");
      expect(answer).toEqual(await client.next("subscribed"));
      expect(await client.ask("unsubscribe_all")).toEqual(await client.next("unsubscribed"));
      const refusal = await client.ask("subscribe_nothing");
      expect(refusal).toEqual(await client.next("subscription_error"));
    });

    test("every connection has a session_id of its own", async () => {
      using one = await connect();
      using two = await connect();
      const ids = await Promise.all([one, two].map(async (client) => (await client.ask("subscribe_all")).session_id));
      expect(ids[0]).toMatch(/^client_/);
      expect(ids[0]).not.toBe(ids[1]);
    });

    test("system_resources: acknowledgement, snapshot, then a tick every 2 s with everything the sample has", async () => {
      using client = await connect();
      client.socket.emit("subscribe_system_resources");
      const frames = [];
      for (let i = 0; i < 4; i++)
        frames.push(systemResourcesUpdate.parse(await client.next("system_resources_update")));
      const names = client.received.map((entry) => entry.event).filter((name) => name !== "recovery_offset");
      expect(names.slice(0, 2)).toEqual(["subscribed", "system_resources_update"]);
      expect(differences(samples[0], frames[0])).toEqual([]);
      const times = frames.map((frame) => Date.parse(frame.timestamp));
      const gaps = times.slice(2).map((time, i) => time - (times[i + 1] ?? 0));
      for (const gap of gaps) expect(Math.abs(gap - 2000)).toBeLessThan(1000);
    });

    test("model_status: acknowledgement, snapshot, then a tick every 5 s", async () => {
      using client = await connect();
      client.socket.emit("subscribe_model_status");
      const snapshot = modelStatusUpdate.parse(await client.next("model_status_update"));
      const tick = modelStatusUpdate.parse(await client.next("model_status_update"));
      const later = modelStatusUpdate.parse(await client.next("model_status_update"));
      expect(snapshot.data.total_models).toBe(snapshot.data.models.length);
      expect(Math.abs(Date.parse(later.timestamp) - Date.parse(tick.timestamp) - 5000)).toBeLessThan(1000);
    });

    test("a snapshot goes to the one who subscribes, not to those who have", async () => {
      using first = await connect();
      await first.ask("subscribe_model_status");
      await first.next("model_status_update");
      await first.next("model_status_update");
      const before = first.received.filter((entry) => entry.event === "model_status_update").length;
      using second = await connect();
      await second.ask("subscribe_model_status");
      await second.next("model_status_update");
      await first.ask("unsubscribe_system_alerts");
      expect(first.received.filter((entry) => entry.event === "model_status_update")).toHaveLength(before);
    });

    test("an activity is pushed the moment it is written, as it was written", async () => {
      using client = await connect();
      await client.ask("subscribe_activity_stream");
      const written = await say("Model LLaMA2-7B deployment started", {
        activity_type: "model_deployment",
        resource_type: "deployment",
        resource_id: "dep-123",
        extra_data: { model_id: "llama2-7b", port: 8000 },
      });
      const event = activityStreamEvent.parse(await client.next("activity_stream", (e) => e.data.id === written.id));
      expect(event).toMatchObject({ event_type: "activity_stream", timestamp: written.created_at, data: written });
      expect(event.seq).toBe(Number(written.id.slice("act-".length)));
      expect(event.replayed).toBeUndefined();
      expect(differences(samples[2], event)).toEqual([]);
    });

    test("every activity type and severity goes through", async () => {
      using client = await connect();
      await client.ask("subscribe_activity_stream");
      for (const activity_type of activityType.options) {
        for (const level of severity.options) {
          const { id } = await say("all kinds", { activity_type, severity: level });
          const event = await client.next("activity_stream", (e) => e.data.id === id);
          expect([event.data.activity_type, event.data.severity]).toEqual([activity_type, level]);
        }
      }
    });

    test("events carry one argument, so that handlers of one argument work in every language", async () => {
      using client = await connect();
      await client.ask("subscribe_all");
      const { id } = await say("one argument");
      await client.next("activity_stream", (e) => e.data.id === id);
      await client.next("system_resources_update");
      expect(client.received.filter((entry) => entry.args.length !== 1)).toEqual([]);
    });

    test("who did not subscribe or has unsubscribed gets nothing", async () => {
      using watcher = await connect();
      using stranger = await connect();
      using former = await connect();
      await watcher.ask("subscribe_activity_stream");
      await former.ask("subscribe_all");
      await former.ask("unsubscribe_activity_stream");
      const { id } = await say("for the watcher");
      await watcher.next("activity_stream", (e) => e.data.id === id);
      // An answer to something asked later shows that whatever was to come has come.
      await stranger.ask("unsubscribe_all");
      await former.ask("unsubscribe_all");
      for (const client of [stranger, former]) expect(copies(client, id)).toEqual([]);
    });

    test("subscribing twice is acknowledged twice and delivers once", async () => {
      using client = await connect();
      const { session_id, message } = await client.ask("subscribe_activity_stream");
      expect(await client.ask("subscribe_activity_stream")).toMatchObject({ session_id, message });
      await client.ask("subscribe_all");
      const { id } = await say("once");
      await client.next("activity_stream", (e) => e.data.id === id);
      await client.ask("unsubscribe_all");
      expect(copies(client, id)).toHaveLength(1);
    });

    test.each([
      ["all", "subscribe_all", "unsubscribe_all"],
      ["system_monitor", "subscribe_system_monitor", "unsubscribe_system_monitor"],
    ])("%s subscribes to and unsubscribes from every stream", async (name, subscribe, unsubscribe) => {
      using client = await connect();
      expect(await client.ask(subscribe)).toMatchObject({ event_type: name });
      await client.next("system_resources_update");
      await client.next("model_status_update");
      const { id } = await say("to all");
      await client.next("activity_stream", (e) => e.data.id === id);
      expect(client.received.filter((e) => e.event === "subscribed")).toHaveLength(1);
      expect(await client.ask(unsubscribe)).toMatchObject({ event_type: name });
      const count = client.received.length;
      const other = await say("to nobody");
      using watcher = await connect();
      await watcher.ask("subscribe_activity_stream", { after: 0 });
      await watcher.next("activity_stream", (e) => e.data.id === other.id);
      await client.ask("unsubscribe_all");
      const pushed = client.received
        .slice(count)
        .filter((e) => Object.values(streams).some((s) => s.event === e.event));
      expect(pushed).toEqual([]);
    });

    test.each([
      ["subscribe_weather", [], "unknown_event"],
      ["error", [], "unknown_event"],
      ["message", ["hello"], "unknown_event"],
      ["subscribe_system_resources", [{ every: 1 }], "invalid_payload"],
      ["subscribe_activity_stream", [{ after: "yesterday" }], "unknown_id"],
      ["subscribe_activity_stream", [{ after: 1e12 }], "unknown_id"],
      ["subscribe_activity_stream", [{ after: [] }], "invalid_payload"],
      ["subscribe_deployment_events", [{ after: "act-1" }], "unknown_id"],
      ["unsubscribe_all", ["now"], "invalid_payload"],
      ["subscribe_all", [{ after: 3 }], "invalid_payload"],
    ])("%s %j is refused with %p and the connection lives on", async (event, args, code) => {
      using client = await connect();
      const error = subscriptionError.parse(await client.ask(event, ...args));
      expect(error.code as string).toBe(code);
      if (code === "unknown_event") expect(error.valid_events).toEqual([...validEvents]);
      expect(await client.ask("subscribe_activity_stream")).toMatchObject({ event_type: "activity_stream" });
      expect(client.socket.connected).toBe(true);
    });

    test("too many events in a second are refused, and who goes on is disconnected", async () => {
      using client = await connect({ reconnection: false });
      const gone = new Promise((resolve) => client.socket.once("disconnect", resolve));
      for (let i = 0; i < 200; i++) client.socket.emit("subscribe_activity_stream");
      expect(await client.next("subscription_error")).toMatchObject({
        event_type: "activity_stream",
        code: "rate_limited",
      });
      expect(await gone).toBeDefined();
      using next = await connect();
      expect(await next.ask("subscribe_all")).toMatchObject({ event_type: "all" });
    });
  });
}
