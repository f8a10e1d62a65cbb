import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { addActivities, FEED_LIMIT } from "../../src/dashboard/state/feed.ts";
import { activity } from "./examples.ts";

describe("activity feed", () => {
  test("is newest first by number, not by text", () => {
    expect(addActivities([], [activity(9), activity(100), activity(20)]).map(({ id }) => id)).toEqual([
      "act-100",
      "act-20",
      "act-9",
    ]);
  });

  test("what is known already changes nothing", () => {
    const feed = addActivities([], [activity(1), activity(2)]);
    expect(addActivities(feed, [activity(2), activity(1)])).toBe(feed);
  });

  test("in whatever order and portions activities come, the newest are kept, each once", () => {
    const numbers = fc.array(fc.integer({ min: 1, max: 400 }), { maxLength: 300 });
    fc.assert(
      fc.property(fc.array(numbers, { maxLength: 6 }), (portions) => {
        const feed = portions.reduce(
          (sofar, portion) =>
            addActivities(
              sofar,
              portion.map((number) => activity(number)),
            ),
          addActivities([], []),
        );
        const expected = [...new Set(portions.flat())].sort((a, b) => b - a).slice(0, FEED_LIMIT);
        expect(feed.map(({ id }) => id)).toEqual(expected.map((number) => `act-${number}`));
      }),
    );
  });
});
