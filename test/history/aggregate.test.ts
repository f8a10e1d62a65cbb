import { expect, test } from "bun:test";
import fc from "fast-check";
import { type Aggregate, aggregateOf, merge } from "../../src/history/aggregate.ts";

function together(values: readonly number[]): Aggregate {
  const [first = 0, ...others] = values;
  const whole = aggregateOf(first);
  for (const value of others) merge(whole, aggregateOf(value));
  return whole;
}

test("however values are grouped before they come together, the bucket is the one they make", () => {
  const value = fc.double({ min: -1e9, max: 1e9, noNaN: true });
  fc.assert(
    fc.property(fc.array(fc.array(value, { minLength: 1 }), { minLength: 1 }), (groups) => {
      const values = groups.flat();
      const [first = [], ...others] = groups;
      const whole = together(first);
      for (const group of others) merge(whole, together(group));
      expect(whole.count).toBe(values.length);
      expect(whole.min).toBe(Math.min(...values));
      expect(whole.max).toBe(Math.max(...values));
      const mean = values.reduce((sum, one) => sum + one, 0) / values.length;
      expect(Math.abs(whole.avg - mean)).toBeLessThanOrEqual(1e-6 * (1 + Math.max(...values.map(Math.abs))));
    }),
  );
});
