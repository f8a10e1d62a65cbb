import { expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import type { NoticeEntry } from "../../src/alerts/notifiers/notifier.ts";
import type { CreateChannel } from "../../src/contract/index.ts";
import { GIVE_UP_AFTER_MS, LONGEST_RETRY_AFTER_MS, retryDelay } from "../../src/notifications/retry.ts";
import { Rig, refused, TAKEN } from "./rig.ts";

setDefaultTimeout(120_000);

const alertId = fc.integer({ min: 1, max: 4 });
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant("open" as const), id: alertId, critical: fc.boolean() }) },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constantFrom(
        "resolved" as const,
        "escalated" as const,
        "deescalated" as const,
        "acknowledged" as const,
        "unacknowledged" as const,
        "stale" as const,
        "flapping" as const,
        "silenced" as const,
        "unsilenced" as const,
      ),
      id: alertId,
    }),
  },
  { weight: 8, arbitrary: fc.record({ do: fc.constant("wait" as const), seconds: fc.integer({ min: 0, max: 600 }) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom("down" as const, "up" as const, "refuse" as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom("restart" as const, "back" as const, "ahead" as const) }) },
);
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

async function perform(rig: Rig, steps: readonly Step[]): Promise<void> {
  const ever = new Set<number>();
  for (const action of steps) {
    if (action.do === "wait") await rig.seconds(action.seconds);
    else if (action.do === "down") rig.answer = () => refused();
    else if (action.do === "refuse") rig.answer = () => refused({ final: true });
    else if (action.do === "up") rig.answer = () => TAKEN;
    else if (action.do === "restart") rig.restart();
    else if (action.do === "back") rig.clock.jumpWall(-3_600_000);
    else if (action.do === "ahead") rig.clock.jumpWall(3_600_000);
    else if ("critical" in action) {
      if (rig.isOpen(action.id)) continue;
      rig.open(action.id, action.critical ? "critical" : "warning", ever.has(action.id) ? "reopened" : "opened");
      ever.add(action.id);
    } else if ("id" in action && rig.isOpen(action.id)) {
      const silenced = rig.isSilenced(action.id);
      if (action.do === "silenced" ? silenced : action.do === "unsilenced" && !silenced) continue;
      rig.change(action.id, action.do);
    }
  }
}

/** What the channel's receiver took about each alert, in the order it did. */
function stories(rig: Rig, channel: string): Map<string, NoticeEntry["event"][]> {
  const entries = rig.attempts
    .filter((attempt) => attempt.taken && attempt.channel === channel)
    .flatMap(({ notice }) => notice.entries);
  const byAlert = Map.groupBy(entries, ({ alert }) => alert.alert_id);
  return new Map([...byAlert].map(([id, list]) => [id, list.map(({ event }) => event)]));
}

const CHANNELS: readonly Partial<CreateChannel>[] = [
  {},
  { min_severity: "critical" },
  { events: ["opened", "escalated", "deescalated", "resolved", "stale", "acknowledged"], remind_minutes: 5 },
];

test("whatever happens, a receiver is told of an end only after a beginning, of each thing once, and nothing is left waiting", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      using rig = new Rig(...CHANNELS);
      await perform(rig, steps);
      rig.answer = () => TAKEN;
      await rig.seconds(1_200);

      // Everything came to an end.
      expect(rig.notifications.queued).toBe(0);
      for (const channel of ["on-call", "channel-1", "channel-2"]) {
        for (const [, events] of stories(rig, channel)) {
          let told = false;
          for (const event of events) {
            if (event === "opened" || event === "flapping") told = true;
            else {
              // Nobody hears how something went on, or ended, of which they did not hear the beginning.
              expect([event, told]).toEqual([event, true]);
              if (event === "resolved") told = false;
            }
          }
          const count = (kind: string) => events.filter((event) => event === kind).length;
          expect(count("resolved")).toBeLessThanOrEqual(count("opened") + count("flapping"));
        }
      }
      // A message that was taken is not sent again.
      const taken = rig.attempts
        .filter((attempt) => attempt.taken)
        .map(({ channel, notice }) => `${channel} ${notice.id}`);
      expect(new Set(taken).size).toBe(taken.length);
      const rows = rig.notifications.list({ limit: 500 }).items;
      for (const { state, attempts, sent_at } of rows) {
        expect(state === "sent" ? attempts > 0 && sent_at !== null : sent_at === null).toBe(true);
      }
    }),
    { numRuns: 40 },
  );
});

test("an alert that is open, loud and was never refused is known to whoever wants it, however the server was killed", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 0, max: 20 }), { minLength: 1, maxLength: 8 }),
      fc.boolean(),
      async (gaps, down) => {
        using rig = new Rig({}, {});
        if (down) rig.answer = () => refused();
        rig.open(1, "critical");
        for (const gap of gaps) {
          await rig.seconds(gap);
          rig.restart();
        }
        rig.answer = () => TAKEN;
        await rig.seconds(120);
        expect(rig.told.toSorted()).toEqual(["channel-1 opened alert_1 critical", "opened alert_1 critical"]);
      },
    ),
    { numRuns: 20 },
  );
});

test("waits grow from 5 s to 15 min, differ by a quarter, honour what was asked for, and add up to a day", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 200 }),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      fc.option(fc.integer({ min: 0, max: 100 * 3_600_000 }), { nil: undefined }),
      (attempt, random, asked) => {
        const delay = retryDelay(attempt, 0, asked, random) ?? 0;
        const planned = Math.min(5_000 * 2 ** (attempt - 1), 900_000);
        const wanted = Math.min(asked ?? 0, LONGEST_RETRY_AFTER_MS);
        expect(delay).toBeGreaterThanOrEqual(Math.max(Math.floor(planned * 0.75), wanted));
        expect(delay).toBeLessThanOrEqual(Math.max(Math.ceil(planned * 1.25), wanted));
      },
    ),
  );
  fc.assert(
    fc.property(fc.double({ min: 0, max: 0.999, noNaN: true }), (random) => {
      let waited = 0;
      let attempts = 1;
      for (let delay = retryDelay(1, 0, undefined, random); delay !== null; attempts++) {
        waited += delay;
        delay = retryDelay(attempts + 1, waited, undefined, random);
      }
      expect(waited).toBe(GIVE_UP_AFTER_MS);
      expect(attempts).toBeLessThan(150);
    }),
  );
});
