import { serverProcess } from "../test/server-process.ts";
import { lightClient } from "./light-client.ts";
import { percentile, printTable } from "./table.ts";

/*
 * How long after a write is sent its push is there, at 1,000 writes a second and 100 subscribers, set against how long
 * the same writes take to be acknowledged: what the push costs on top of the write itself.
 */

const SUBSCRIBERS = 100;
const WRITES_PER_SECOND = 1_000;
const SECONDS = 10;
/** Writes are sent in small groups, since no timer is exact to a millisecond. */
const GROUP_MS = 10;

await using server = await serverProcess({
  env: { ALERTS: "off", HTTP_REQUESTS_PER_SECOND: "100000", HISTORY: "off" },
});
const sentAt = new Map<number, number>();
const pushMs: number[] = [];
const ackMs: number[] = [];
let delivered = 0;

const clients = await Promise.all(
  Array.from({ length: SUBSCRIBERS }, (_, index) =>
    lightClient(server.url, (text) => {
      if (!text.startsWith('["activity_stream"')) return;
      delivered++;
      // One subscriber in ten is looked at; reading every copy would measure this process instead.
      if (index % 10 !== 0) return;
      const number = Number(/"message":"write (\d+)"/.exec(text)?.[1]);
      const sent = sentAt.get(number);
      if (sent !== undefined) pushMs.push(performance.now() - sent);
    }),
  ),
);
for (const client of clients) client.emit("subscribe_activity_stream");

const total = WRITES_PER_SECOND * SECONDS;
const perGroup = (WRITES_PER_SECOND * GROUP_MS) / 1000;
const pending: Promise<void>[] = [];
const write = async (number: number) => {
  const sent = performance.now();
  sentAt.set(number, sent);
  const response = await fetch(`${server.url}/api/v1/activities`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ message: `write ${number}` }),
  });
  await response.arrayBuffer();
  if (response.status !== 201) throw new Error(`write ${number}: ${response.status}`);
  ackMs.push(performance.now() - sent);
};
const start = performance.now();
for (let number = 0; number < total; ) {
  for (let i = 0; i < perGroup; i++) pending.push(write(number++));
  const wait = start + (number / WRITES_PER_SECOND) * 1000 - performance.now();
  if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
}
await Promise.all(pending);
const seconds = (performance.now() - start) / 1000;
while (delivered < total * SUBSCRIBERS) await new Promise((resolve) => setTimeout(resolve, 10));
for (const client of clients) client.close();

const row = (name: string, samples: number[]) => {
  const [p50, p99] = [percentile(samples, 0.5), percentile(samples, 0.99)];
  return [
    name,
    p50.toFixed(2),
    p99.toFixed(2),
    (p50 / percentile(ackMs, 0.5)).toFixed(2),
    (p99 / percentile(ackMs, 0.99)).toFixed(2),
  ];
};
printTable(
  `Write to push: ${(total / seconds).toFixed(0)} writes/s, ${SUBSCRIBERS} subscribers, ${delivered} deliveries, none lost`,
  [["", "p50 ms", "p99 ms", "p50 / ack", "p99 / ack"], row("write acknowledged", ackMs), row("push received", pushMs)],
);
