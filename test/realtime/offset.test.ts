import { expect, test } from "bun:test";
import fc from "fast-check";
import { formatOffset, parseOffset } from "../../src/realtime/offset.ts";

/** A row's number; 15 digits are what an offset is read back with. */
const seq = fc.nat({ max: 999_999_999_999_999 });

test("an offset that was sent is read back as it was", () => {
  fc.assert(
    fc.property(seq, seq, seq, (a, l, d) => {
      const offset = { activity_stream: a, system_alerts: l, deployment_events: d };
      expect(parseOffset(formatOffset(offset))).toEqual(offset);
    }),
  );
});

test("a made-up offset is not one", () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      fc.pre(!/^a\d+\.l\d+\.d\d+$/.test(text));
      expect(parseOffset(text)).toBeUndefined();
    }),
  );
  for (const text of ["", "a1.l2", "a1.l2.d3.x4", "a-1.l2.d3", "l1.a2.d3", `a${"9".repeat(16)}.l1.d1`]) {
    expect(parseOffset(text)).toBeUndefined();
  }
});
