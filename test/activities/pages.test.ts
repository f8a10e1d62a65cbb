import { expect, test } from "bun:test";
import fc from "fast-check";
import { Activities } from "../../src/activities/activities.ts";
import { type Activity, activityType, idNumber, severity } from "../../src/contract/index.ts";
import { FakeClock } from "../fake-clock.ts";
import { tempStore } from "../temp-store.ts";

const entry = fc.record({
  activity_type: fc.constantFrom(...activityType.options.slice(0, 3)),
  severity: fc.constantFrom(...severity.options),
  resource_type: fc.constantFrom(null, "model", "deployment"),
  resource_id: fc.constantFrom(null, "a", "b"),
  message: fc.constantFrom("one", "two", "one two"),
  extra_data: fc.constant({}),
});
/** Seconds by which the clock goes on, or back, before an entry. */
const step = fc.oneof(
  { weight: 5, arbitrary: fc.integer({ min: 0, max: 3 }) },
  { weight: 1, arbitrary: fc.integer({ min: -40, max: 40 }) },
);

const START = Date.UTC(2025, 0, 1);
const moment = fc.integer({ min: -30, max: 90 }).map((seconds) => new Date(START + seconds * 1000).toISOString());
const query = fc.record(
  {
    activity_type: fc.constantFrom(...activityType.options.slice(0, 4)),
    severity: fc.constantFrom(...severity.options),
    resource_type: fc.constantFrom("model", "deployment", "other"),
    resource_id: fc.constantFrom("a", "b", "c"),
    q: fc.constantFrom("one", "two", "one two", "tw*"),
    since: moment,
    until: moment,
  },
  { requiredKeys: [] },
);

test("every mix of filters, from either end and over a clock that is set, pages through just what matches, in order", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(entry, step), { maxLength: 40 }),
      query,
      fc.boolean(),
      fc.integer({ min: 1, max: 7 }),
      (entries, filter, forward, limit) => {
        using temp = tempStore();
        const clock = new FakeClock(START);
        const activities = new Activities({ store: temp.store, clock });
        const all: Activity[] = [];
        for (const [one, seconds] of entries) {
          clock.jumpWall(seconds * 1000);
          all.push(temp.store.write((tx) => activities.record(tx, one)));
        }
        const expected = all.filter((one) => matches(one, filter)).map(({ id }) => id);
        const got: string[] = [];
        let cursor: string | null = null;
        do {
          const from: object = forward ? { after: cursor ?? "act-0" } : cursor === null ? {} : { before: cursor };
          const page = activities.list({ ...filter, ...from, limit });
          expect(page.items.length).toBeLessThanOrEqual(limit);
          got.push(...page.items.map(({ id }) => id));
          cursor = page.next;
        } while (cursor !== null);
        expect(got).toEqual(forward ? expected : expected.toReversed());
        expect([...activities.all(filter, 3)].flat().map(({ id }) => id)).toEqual(expected);
      },
    ),
    { numRuns: 150 },
  );
});

function matches(one: Activity, filter: { q?: string; since?: string; until?: string } & Partial<Activity>): boolean {
  const { q, since, until, ...same } = filter;
  const words = one.message.split(" ");
  return (
    Object.entries(same).every(([name, value]) => one[name as keyof Activity] === value) &&
    (q === undefined ||
      q.split(" ").every((term) => words.some((word) => word === term || (term === "tw*" && word === "two")))) &&
    (since === undefined || one.created_at >= since) &&
    (until === undefined || one.created_at <= until) &&
    idNumber("act-", one.id) !== undefined
  );
}
