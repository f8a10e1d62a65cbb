import { expect, test } from "bun:test";
import { ProblemError } from "../../src/contract/index.ts";
import type { LogBatch } from "../../src/deployments/logs/feed.ts";
import type { IoSocket } from "../../src/realtime/io.ts";
import { LogSubscriptions, MAX_LOGS, TooManyLogsError } from "../../src/realtime/log-subscriptions.ts";
import { FakeClock } from "../fake-clock.ts";

/** A connection that takes what is sent only when told, over logs that hand out what they are told. */
function rig() {
  const emitted: { event: string; payload: Record<string, unknown> }[] = [];
  const batches = new Map<string, LogBatch[]>();
  const wake = new Map<string, () => void>();
  let room = Promise.withResolvers<void>();
  const socket = {
    connected: true,
    data: { sessionId: "client_1" },
    emit: (event: string, payload: Record<string, unknown>) => void emitted.push({ event, payload }),
    // Nothing else of a socket is used here.
  } as unknown as IoSocket;
  const subscriptions = new LogSubscriptions(socket, {
    clock: new FakeClock(),
    require(id) {
      if (id === "dep-99") throw new ProblemError("not_found", "There is no deployment dep-99.");
    },
    logs: {
      end: () => "1-10",
      async *follow(id, _query, signal) {
        while (!signal.aborted) {
          const next = batches.get(id)?.shift();
          if (next) yield next;
          else
            await new Promise<void>((resolve) => {
              wake.set(id, resolve);
              signal.addEventListener("abort", () => resolve());
            });
        }
      },
    },
    drained: () => room.promise,
    onError: (error) => {
      throw error;
    },
  });
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  return {
    subscriptions,
    emitted,
    async write(id: string, text: string, dropped = 0) {
      const line = {
        cursor: "1-20",
        timestamp: "2025-01-01T12:00:00.000Z",
        stream: "stdout",
        text,
        partial: false,
      } as const;
      batches.set(id, [...(batches.get(id) ?? []), { lines: [line], dropped, full: false }]);
      wake.get(id)?.();
      await settle();
    },
    async drain() {
      room.resolve();
      room = Promise.withResolvers();
      await settle();
    },
    sent: () => emitted.filter(({ event }) => event === "deployment_logs").map(({ payload }) => payload.data),
  };
}

const line = (text: string) => ({ cursor: "1-20", timestamp: "2025-01-01T12:00:00.000Z", stream: "stdout", text });

test("a client that has not taken what was sent gets nothing more, and then what it missed as a number", async () => {
  const t = rig();
  t.subscriptions.subscribe({ deployment_id: "dep-1" }, () => {});
  await t.write("dep-1", "one");
  await t.write("dep-1", "two", 7);
  expect(t.sent()).toEqual([{ deployment_id: "dep-1", lines: [line("one")] }]);
  await t.drain();
  expect(t.sent()).toEqual([
    { deployment_id: "dep-1", lines: [line("one")] },
    { deployment_id: "dep-1", lines: [line("two")], dropped: 7 },
  ]);
});

test("several logs of one connection take turns", async () => {
  const t = rig();
  for (const id of ["dep-1", "dep-2", "dep-3"]) {
    t.subscriptions.subscribe({ deployment_id: id }, () => {});
    await t.write(id, `of ${id}`);
  }
  for (const count of [1, 2, 3]) {
    expect(t.sent()).toHaveLength(count);
    await t.drain();
  }
});

test("nothing comes after an unsubscription, not even what waited for its turn", async () => {
  const t = rig();
  t.subscriptions.subscribe({ deployment_id: "dep-1" }, () => {});
  t.subscriptions.subscribe({ deployment_id: "dep-2" }, () => {});
  await t.write("dep-1", "one");
  await t.write("dep-2", "two");
  t.subscriptions.unsubscribe("dep-2", (ack) => expect(ack).toMatchObject({ deployment_id: "dep-2" }));
  await t.drain();
  expect(t.sent()).toEqual([{ deployment_id: "dep-1", lines: [line("one")] }]);
});

test("there is a limit, which subscribing again does not count against, and no log of nobody", () => {
  const t = rig();
  const subscribe = (number: number) => t.subscriptions.subscribe({ deployment_id: `dep-${number}` }, () => {});
  for (let i = 1; i <= MAX_LOGS; i++) subscribe(i);
  expect(() => subscribe(MAX_LOGS)).not.toThrow();
  expect(() => subscribe(MAX_LOGS + 1)).toThrow(TooManyLogsError);
  t.subscriptions.unsubscribe("dep-1", () => {});
  expect(() => subscribe(MAX_LOGS + 1)).not.toThrow();
  expect(() => subscribe(99)).toThrow("There is no deployment dep-99.");
});
