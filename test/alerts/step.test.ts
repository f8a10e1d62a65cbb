import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { rules } from "../../src/alerts/rules.ts";
import { type AlertState, type Limits, QUIET, reopened, step, type Transition, untold } from "../../src/alerts/step.ts";

const INTERVAL_MS = 2_000;
const AT_ONCE: Limits = { warning: 80, critical: 90, hysteresis: 5, forMs: 0 };
const AFTER_10_S: Limits = { ...AT_ONCE, forMs: 10_000 };

type Value = number | null | undefined;

/** Feeds `values` one interval apart and tells each transition with the index of the sample that caused it. */
function feed(limits: Limits, values: readonly Value[], start: AlertState = QUIET) {
  const told: (Transition & { at: number })[] = [];
  let state = start;
  values.forEach((value, at) => {
    const next = step(limits, state, value, at * INTERVAL_MS);
    state = next.state;
    if (next.transition) told.push({ ...next.transition, at });
  });
  return { told, state };
}

function kinds(limits: Limits, values: readonly Value[]): string[] {
  return feed(limits, values).told.map(({ kind, level }) => (level ? `${kind} ${level}` : kind));
}

function repeat(hours: number, ...values: number[]): number[] {
  const count = (hours * 3_600_000) / INTERVAL_MS / values.length;
  return Array.from({ length: count }, () => values).flat();
}

const value = fc.oneof(
  { weight: 6, arbitrary: fc.double({ min: 60, max: 100, noNaN: true }) },
  { weight: 2, arbitrary: fc.constantFrom(0, 74.9, 75, 79.9, 80, 84.9, 85, 89.9, 90, 100) },
  { weight: 2, arbitrary: fc.constantFrom(null, undefined, Number.NaN, Number.POSITIVE_INFINITY) },
);
const values = fc.array(value, { maxLength: 400, size: "max" });
const finite = fc.array(fc.double({ min: 60, max: 100, noNaN: true }), { maxLength: 400, size: "max" });
const limits = fc.constantFrom(AT_ONCE, AFTER_10_S, rules.gpu_memory, rules.gpu_temperature);

describe("what is told of one resource", () => {
  test("a sawtooth at the warning threshold for an hour opens once, whatever the rule waits for", () => {
    expect(kinds(AT_ONCE, repeat(1, 79.9, 80.1))).toEqual(["opened warning"]);
    expect(kinds(AFTER_10_S, repeat(1, 79.9, 80.1))).toEqual(["opened warning"]);
  });

  test("a sawtooth at the critical threshold for an hour opens once and escalates once", () => {
    expect(kinds(AT_ONCE, repeat(1, 89, 91))).toEqual(["opened warning", "escalated critical"]);
  });

  test("a jump opens at critical, and a fall from there resolves: one event each", () => {
    expect(kinds(AT_ONCE, [50, 95, 50])).toEqual(["opened critical", "resolved"]);
    expect(kinds(AFTER_10_S, [50, ...Array(6).fill(95), 50])).toEqual(["opened critical", "resolved"]);
  });

  test("a level ends only below its threshold by the hysteresis", () => {
    expect(kinds(AT_ONCE, [80, 75, 79.9, 75, 74.9])).toEqual(["opened warning", "resolved"]);
    expect(kinds(AT_ONCE, [90, 85, 84.9, 80])).toEqual(["opened critical", "deescalated warning"]);
  });

  test("a wait of 10 seconds ends with the sixth sample in a row, 2 seconds apart", () => {
    expect(feed(AFTER_10_S, Array(20).fill(85)).told).toEqual([{ kind: "opened", level: "warning", value: 85, at: 5 }]);
  });

  test("a wait of 0 ends with the first sample", () => {
    expect(feed(AT_ONCE, [80]).told).toEqual([{ kind: "opened", level: "warning", value: 80, at: 0 }]);
  });

  test("a single spike is nothing where the rule waits", () => {
    const below = fc.array(fc.double({ min: 0, max: 79.9, noNaN: true }), { maxLength: 200, size: "max" });
    fc.assert(
      fc.property(below, fc.double({ min: 80, max: 100, noNaN: true }), below, (before, spike, after) => {
        expect(feed(AFTER_10_S, [...before, spike, ...after]).told).toEqual([]);
      }),
    );
  });
});

describe("no sample", () => {
  test("an hour without values ends nothing and begins nothing", () => {
    const storm = repeat(1, Number.NaN).map((nan, i) => (i % 2 ? null : nan));
    expect(kinds(AT_ONCE, [95, ...storm])).toEqual(["opened critical"]);
    expect(kinds(AT_ONCE, [50, ...storm])).toEqual([]);
  });

  test("what is told without a wait is what would be told had the missing ones not been asked for", () => {
    fc.assert(
      fc.property(values, (all) => {
        const told = (list: readonly Value[]) => feed(AT_ONCE, list).told.map(({ at: _, ...transition }) => transition);
        expect(told(all)).toEqual(told(all.filter((one) => Number.isFinite(one ?? Number.NaN))));
      }),
    );
  });

  test("missing samples are not time in which the value lasted", () => {
    // 85 is only known for 2 seconds before, and for 2 seconds after the gap.
    expect(kinds(AFTER_10_S, [85, 85, ...Array(60).fill(null), 85, 85])).toEqual([]);
    // Two intervals of the seven have a missing end, the other five are the 10 seconds.
    expect(feed(AFTER_10_S, [85, 85, null, 85, 85, 85, 85, 85, 85]).told).toMatchObject([{ kind: "opened", at: 7 }]);
  });
});

describe("time", () => {
  test("only steps forward of at most five intervals count towards the wait", () => {
    // Stalls, suspends and jumps in both directions, up to hours.
    const pause = fc.oneof(
      fc.integer({ min: 1, max: 10_000 }),
      fc.integer({ min: 10_001, max: 7_200_000 }),
      fc.integer({ min: -3_600_000, max: 0 }),
    );
    fc.assert(
      fc.property(fc.array(pause, { maxLength: 100, size: "max" }), (pauses) => {
        let now = 0;
        let counted = 0;
        let { state } = step(AFTER_10_S, QUIET, 95, now);
        for (const ms of pauses) {
          now += ms;
          if (ms > 0 && ms <= 10_000) counted += ms;
          state = step(AFTER_10_S, state, 95, now).state;
          expect(state.told).toBe(counted >= 10_000 ? "critical" : null);
        }
      }),
    );
  });
});

describe("whatever is sampled", () => {
  test("at most one is open, and each change is told from where the last one led", () => {
    fc.assert(
      fc.property(limits, values, (rule, list) => {
        let open: Transition["level"] = null;
        for (const { kind, level } of feed(rule, list).told) {
          const legal = {
            opened: open === null && level !== null,
            escalated: open === "warning" && level === "critical",
            deescalated: open === "critical" && level === "warning",
            resolved: open !== null && level === null,
          };
          expect(legal[kind]).toBe(true);
          open = level;
        }
      }),
    );
  });

  test("critical never fires without the warning", () => {
    fc.assert(
      fc.property(limits, values, (rule, list) => {
        let state = QUIET;
        list.forEach((x, i) => {
          state = step(rule, state, x, i * INTERVAL_MS).state;
          if (state.critical.phase === "firing") expect(state.warning.phase).toBe("firing");
        });
      }),
    );
  });

  test("without a wait the level follows the thresholds and the hysteresis alone", () => {
    fc.assert(
      fc.property(finite, (all) => {
        let state = QUIET;
        let expected: AlertState["told"] = null;
        all.forEach((x, i) => {
          state = step(AT_ONCE, state, x, i).state;
          if (x >= 90 || (expected === "critical" && x >= 85)) expected = "critical";
          else if (x >= 80 || (expected !== null && x >= 75)) expected = "warning";
          else expected = null;
          expect(state.told).toBe(expected);
        });
      }),
    );
  });

  test("a restart at any moment tells nothing twice and leaves nothing out", () => {
    fc.assert(
      fc.property(values, fc.nat(), (all, at) => {
        const cut = at % (all.length + 1);
        const before = feed(AT_ONCE, all.slice(0, cut));
        const kept = before.state.told === null ? QUIET : reopened(before.state.told);
        const after = feed(AT_ONCE, all.slice(cut), kept);
        const strip = (told: readonly (Transition & { at: number })[]) => told.map(({ at: _, ...rest }) => rest);
        expect(strip([...before.told, ...after.told])).toEqual(strip(feed(AT_ONCE, all).told));
      }),
    );
  });

  test("what could not be told is told with the next sample for which it still holds", () => {
    const sample = fc.record({ x: fc.double({ min: 60, max: 100, noNaN: true }), written: fc.boolean() });
    fc.assert(
      fc.property(limits, fc.array(sample, { maxLength: 400, size: "max" }), (rule, samples) => {
        let [written, perfect] = [QUIET, QUIET];
        samples.forEach(({ x, written: done }, i) => {
          const now = i * INTERVAL_MS;
          perfect = step(rule, perfect, x, now).state;
          const { state } = step(rule, written, x, now);
          written = done ? state : untold(written, state);
          // A success makes up for every failure before it, however long the outage was.
          if (done) expect(written).toEqual(perfect);
        });
      }),
    );
  });
});
