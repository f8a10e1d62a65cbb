import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type AlertState, isIdle, QUIET, resumed } from "../../src/alerts/alert-state.ts";
import { type Detector, INACTIVE, isActive, type Limits, moved } from "../../src/alerts/detector.ts";
import { limitsOf } from "../../src/alerts/rules.ts";
import { dismissed, reruled, step, type Transition, untold } from "../../src/alerts/step.ts";
import { shippedAlertRules } from "../../src/config/alert-rules.ts";

const INTERVAL_MS = 2_000;
const AT_ONCE = limitsOf("memory", shippedAlertRules.memory);
const AFTER_10_S: Limits = { ...AT_ONCE, forMs: 10_000 };
const LASTING: Limits = { ...AFTER_10_S, clearMs: 20_000 };

type Value = number | null | undefined;
type Told = Transition & { at: number };

/** Feeds `values` one interval apart and tells each transition with the index of the sample that caused it. */
function feed(limits: Limits, values: readonly Value[], start: AlertState = QUIET, from = 0) {
  const told: Told[] = [];
  let state = start;
  values.forEach((value, i) => {
    const at = from + i;
    const next = step(limits, state, value, at * INTERVAL_MS);
    state = next.state;
    if (next.transition) told.push({ ...next.transition, at });
  });
  return { told, state };
}

function kinds(limits: Limits, values: readonly Value[], start?: AlertState): string[] {
  return feed(limits, values, start).told.map(shortly);
}

function shortly({ kind, level, reason }: Transition): string {
  if (level) return `${kind} ${level}`;
  return reason === "recovered" ? kind : `${kind} ${reason}`;
}

function repeat(hours: number, ...values: Value[]): Value[] {
  const count = (hours * 3_600_000) / INTERVAL_MS / values.length;
  return Array.from({ length: count }, () => values).flat();
}

/** `seconds` of the same value. */
function lasting(seconds: number, value: Value): Value[] {
  return Array.from({ length: seconds / 2 }, () => value);
}

const value = fc.oneof(
  { weight: 6, arbitrary: fc.double({ min: 60, max: 100, noNaN: true }) },
  { weight: 2, arbitrary: fc.constantFrom(0, 74.9, 75, 79.9, 80, 84.9, 85, 89.9, 90, 100) },
  { weight: 2, arbitrary: fc.constantFrom(null, undefined, Number.NaN, Number.POSITIVE_INFINITY) },
);
const finite = fc.double({ min: 60, max: 100, noNaN: true });
/** Runs of the same value, so that there is time for waits, for missing values and for flapping. */
const values = fc
  .array(fc.tuple(value, fc.oneof(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 5, max: 60 }))), {
    maxLength: 60,
    size: "max",
  })
  .map((runs) => runs.flatMap(([one, count]) => Array.from({ length: count }, () => one)));
const limits = fc.constantFrom(
  AT_ONCE,
  AFTER_10_S,
  LASTING,
  limitsOf("gpu_memory", { ...shippedAlertRules.gpu_memory, for_seconds: 6 }),
  limitsOf("gpu_temperature", shippedAlertRules.gpu_temperature),
  { ...AT_ONCE, autoResolve: false },
);

describe("what is told of one resource", () => {
  test("a sawtooth at the warning threshold for an hour opens once, whatever the rule waits for", () => {
    expect(kinds(AT_ONCE, repeat(1, 79.9, 80.1))).toEqual(["opened warning"]);
    expect(kinds(AFTER_10_S, repeat(1, 79.9, 80.1))).toEqual(["opened warning"]);
  });

  test("so does any sawtooth within the hysteresis, however irregular", () => {
    const tooth = fc.tuple(
      fc.double({ min: 75, max: 79.99, noNaN: true }),
      fc.double({ min: 80, max: 89.99, noNaN: true }),
    );
    fc.assert(
      fc.property(fc.array(tooth, { minLength: 900, maxLength: 900 }), (teeth) => {
        expect(kinds(AT_ONCE, teeth.flat())).toEqual(["opened warning"]);
      }),
      { numRuns: 20 },
    );
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
    expect(feed(AFTER_10_S, Array(20).fill(85)).told).toMatchObject([{ kind: "opened", level: "warning", at: 5 }]);
  });

  test("a wait of 0 ends with the first sample", () => {
    expect(feed(AT_ONCE, [80]).told).toMatchObject([{ kind: "opened", level: "warning", value: 80, at: 0 }]);
  });

  test("a single spike is nothing where the rule waits", () => {
    const below = fc.array(fc.double({ min: 0, max: 79.9, noNaN: true }), { maxLength: 200, size: "max" });
    fc.assert(
      fc.property(below, fc.double({ min: 80, max: 100, noNaN: true }), below, (before, spike, after) => {
        expect(feed(AFTER_10_S, [...before, spike, ...after]).told).toEqual([]);
      }),
    );
  });

  test("a level goes on until it has been back for as long as the rule says", () => {
    const dip = [...lasting(12, 85), ...lasting(20, 50)];
    expect(kinds(LASTING, [...dip, 85])).toEqual(["opened warning"]);
    expect(feed(LASTING, [...dip, 50]).told).toMatchObject([{ kind: "opened" }, { kind: "resolved", at: 16 }]);
  });

  test("a value that is bad when it is low is the mirror of one that is bad when it is high", () => {
    const below: Limits = { ...LASTING, bad: "below", warning: 20, critical: 10 };
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 60, max: 100 }), { maxLength: 400, size: "max" }), (high) => {
        const low = feed(
          below,
          high.map((x) => 100 - x),
        ).told;
        expect(low.map((one) => ({ ...one, value: 100 - one.value }))).toEqual(feed(LASTING, high).told);
      }),
    );
  });
});

describe("what comes back", () => {
  test("within five minutes is the same incident, later a new one", () => {
    const first = [95, 50];
    expect(feed(AT_ONCE, [...first, ...lasting(290, 50), 95]).told.at(-1)).toMatchObject({
      kind: "reopened",
      again: true,
    });
    expect(feed(AT_ONCE, [...first, ...lasting(310, 50), 95]).told.at(-1)).toMatchObject({
      kind: "opened",
      again: false,
    });
  });

  test("has to stay away for longer each time", () => {
    // Seldom enough not to be flapping.
    const before = [...lasting(600, 95), ...lasting(240, 50), ...lasting(400, 95)];
    const ends = feed(AT_ONCE, [...before, ...lasting(40, 50)]).told.filter(({ kind }) => kind === "resolved");
    // The first end is at once, the next one takes 20 s and half as much again.
    expect(ends.map(({ at }) => at)).toEqual([300, before.length + 15]);
  });

  test("again and again is told once, held open, and ends after it has been well for 15 minutes", () => {
    const swing = [...lasting(60, 95), ...lasting(60, 50)];
    const story = kinds(AT_ONCE, [...swing, ...swing, ...swing, ...swing, ...swing, ...lasting(1_000, 50)]);
    expect(story).toEqual(["opened critical", "resolved", "reopened critical", "flapping critical", "resolved"]);
  });

  test("settles when it stays wrong for 15 minutes", () => {
    const swing = [...lasting(60, 85), ...lasting(60, 50)];
    const story = kinds(AT_ONCE, [...swing, ...swing, ...lasting(1_000, 85)]);
    expect(story).toEqual(["opened warning", "resolved", "reopened warning", "flapping warning", "settled warning"]);
  });

  test("tells of what is worse even then", () => {
    const swing = [...lasting(60, 85), ...lasting(60, 50)];
    expect(kinds(AT_ONCE, [...swing, ...swing, 85, 95]).slice(-2)).toEqual(["flapping warning", "escalated critical"]);
  });

  test("tells of no more than four openings and ends in any 20 minutes", () => {
    fc.assert(
      fc.property(values, (list) => {
        const changes = feed(AT_ONCE, list).told.filter(
          ({ kind, reason }) => ["opened", "reopened"].includes(kind) || reason === "recovered",
        );
        for (const { at } of changes) {
          const near = changes.filter((other) => other.at >= at && other.at - at < 600);
          expect(near.length).toBeLessThanOrEqual(4);
        }
      }),
    );
  });
});

describe("no value", () => {
  test("is told as such after 10 seconds, and after 10 minutes nothing is known any more: that is no recovery", () => {
    const storm = repeat(1, Number.NaN, null, Number.POSITIVE_INFINITY);
    const { told } = feed(AT_ONCE, [95, ...storm]);
    expect(told.map(shortly)).toEqual(["opened critical", "stale critical", "resolved no_data"]);
    expect(told.map(({ at }) => at)).toEqual([0, 6, 300]);
    expect(kinds(AT_ONCE, [50, ...storm])).toEqual([]);
  });

  test("goes on where it was when values come again", () => {
    const gap = lasting(60, null);
    expect(kinds(AT_ONCE, [95, ...gap, 95])).toEqual(["opened critical", "stale critical", "fresh critical"]);
    expect(kinds(AT_ONCE, [95, ...gap, 50])).toEqual(["opened critical", "stale critical", "resolved"]);
  });

  test("of an instance that is not there any more ends after a minute", () => {
    const { told } = feed(AT_ONCE, [95, ...lasting(120, undefined)]);
    expect(told.map(shortly)).toEqual(["opened critical", "stale critical", "resolved missing"]);
    expect(told.at(-1)?.at).toBe(30);
  });

  test("opens, changes and recovers nothing, whatever was before", () => {
    fc.assert(
      fc.property(limits, values, (rule, list) => {
        for (const { at, kind, reason } of feed(rule, list).told) {
          const known = Number.isFinite(list[at] ?? Number.NaN);
          if (!known) expect(kind === "stale" || reason === "no_data" || reason === "missing").toBe(true);
          else expect(kind === "stale" || reason === "no_data" || reason === "missing").toBe(false);
        }
      }),
    );
  });

  test("is not time in which the value lasted", () => {
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

  test("an hour's sleep, or a clock set by an hour, is no time without values either", () => {
    const { state } = feed(AT_ONCE, [95]);
    for (const jump of [3_600_000, -3_600_000]) expect(step(AT_ONCE, state, null, jump).transition).toBeNull();
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
            reopened: open === null && level !== null,
            escalated: open === "warning" && level === "critical",
            deescalated: open === "critical" && level === "warning",
            resolved: open !== null && level === null,
            flapping: level !== null && (open === null || open === level),
            settled: open !== null && open === level,
            stale: open !== null && open === level,
            fresh: open !== null && open === level,
          };
          expect(legal[kind]).toBe(true);
          open = level;
        }
      }),
    );
  });

  test("critical never holds without the warning", () => {
    fc.assert(
      fc.property(limits, values, (rule, list) => {
        let state = QUIET;
        list.forEach((x, i) => {
          state = step(rule, state, x, i * INTERVAL_MS).state;
          if (isActive(state.critical)) expect(isActive(state.warning)).toBe(true);
        });
      }),
    );
  });

  test("without waits a level follows the threshold and the hysteresis alone", () => {
    fc.assert(
      fc.property(fc.array(finite, { maxLength: 400, size: "max" }), (all) => {
        let detector: Detector = INACTIVE;
        let expected = false;
        for (const x of all) {
          detector = moved(detector, 80, AT_ONCE, x, INTERVAL_MS, 0);
          expected = x >= 80 || (expected && x >= 75);
          expect(isActive(detector)).toBe(expected);
        }
      }),
    );
  });

  test("a restart at any moment is no more than a pause that does not count", () => {
    fc.assert(
      fc.property(limits, values, fc.nat(), (rule, all, where) => {
        const cut = where % (all.length + 1);
        const before = feed(rule, all.slice(0, cut));
        const stored: AlertState = JSON.parse(JSON.stringify(before.state));
        const after = feed(rule, all.slice(cut), resumed(stored, 60_000));
        const paused = feed(rule, all.slice(cut), before.state, cut + 1_800);
        const strip = (told: readonly Told[]) => told.map(({ at: _, ...rest }) => rest);
        expect(strip(after.told)).toEqual(strip(paused.told));
      }),
    );
  });

  test("what was counted before a long pause, or one that is not known, does not count", () => {
    const { state } = feed(AFTER_10_S, lasting(10, 95));
    expect(kinds(AFTER_10_S, lasting(4, 95), resumed(state, 60_000))).toEqual(["opened critical"]);
    for (const down of [601_000, -3_600_000])
      expect(kinds(AFTER_10_S, lasting(8, 95), resumed(state, down))).toEqual([]);
  });

  test("what could not be told is told with the next sample for which it still holds", () => {
    const sample = fc.record({ x: finite, written: fc.boolean() });
    fc.assert(
      fc.property(limits, fc.array(sample, { maxLength: 400, size: "max" }), (rule, samples) => {
        let state = QUIET;
        samples.forEach(({ x, written }, i) => {
          const next = step(rule, state, x, i * INTERVAL_MS);
          state = next.transition && !written ? untold(state, next.state) : next.state;
          const found = isActive(state.critical) ? "critical" : isActive(state.warning) ? "warning" : null;
          // A success makes up for every failure before it, however long the outage was.
          if (written && rule.autoResolve) expect(state.told).toBe(found);
        });
      }),
    );
  });

  test("what is over for long is not kept", () => {
    const { state } = feed(AT_ONCE, [95, 50, ...lasting(1_300, 50)]);
    expect(isIdle(state)).toBe(true);
    expect(isIdle(feed(AT_ONCE, [95, 50]).state)).toBe(false);
    expect(isIdle(feed(AFTER_10_S, [95]).state)).toBe(false);
  });
});

describe("what somebody does", () => {
  test("what is closed by hand is not told again until it was over, or is worse", () => {
    const closed = dismissed(feed(AT_ONCE, [85]).state);
    expect(kinds(AT_ONCE, lasting(600, 85), closed)).toEqual([]);
    expect(kinds(AT_ONCE, [85, 95], closed)).toEqual(["reopened critical"]);
    expect(kinds(AT_ONCE, [85, 50, 85], closed)).toEqual(["reopened warning"]);
    expect(kinds(AT_ONCE, [50, ...lasting(400, 50), 85], closed)).toEqual(["opened warning"]);
  });

  test("an alert that does not end by itself stays until then", () => {
    const rule = { ...AT_ONCE, autoResolve: false };
    const { told, state } = feed(rule, [95, ...lasting(3_600, 50), 85, 50]);
    expect(told.map(shortly)).toEqual(["opened critical", "deescalated warning"]);
    expect(kinds(rule, [50, ...lasting(400, 50), 95], dismissed(state))).toEqual(["opened critical"]);
  });

  test("a rule that is changed judges the newest value at once, without hysteresis or wait for its end", () => {
    const { state } = feed(LASTING, lasting(20, 88));
    const under = (changes: Partial<Limits>) => reruled({ ...LASTING, ...changes }, state).transition;
    expect(under({ warning: 88 })).toBeNull();
    expect(under({ warning: 88.5 })).toMatchObject({ kind: "resolved", reason: "rule_changed" });
    expect(under({ critical: 87, forMs: 0 })).toMatchObject({ kind: "escalated", level: "critical" });
    expect(under({ critical: 87 })).toBeNull();
    expect(reruled(LASTING, QUIET).transition).toBeNull();
  });
});
