import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Activities } from "../../src/activities/activities.ts";
import { searchQuery } from "../../src/activities/search-words.ts";
import { createActivity, ProblemError } from "../../src/contract/index.ts";
import { FakeClock } from "../fake-clock.ts";
import { tempDir } from "../temp-dir.ts";
import { openStore, tempStore } from "../temp-store.ts";

function setup() {
  const temp = tempStore();
  const clock = new FakeClock();
  const activities = new Activities({ store: temp.store, clock });
  const say = (message: string, extra: object = {}) => activities.create(createActivity.parse({ message, ...extra }));
  const found = (q: string, more: object = {}) =>
    activities.list({ q, limit: 500, ...more }).items.map((a) => a.message);
  return { ...temp, clock, activities, say, found, [Symbol.dispose]: () => temp[Symbol.dispose]() };
}

describe("search", () => {
  test("words must all be there, in any order and case, with or without accents; newest first", () => {
    using t = setup();
    t.say("Deployment llama2-7b started");
    t.say("Deployment mistral failed: out of memory");
    t.say("Memory usage reached 85 %", { resource_type: "memory", resource_id: "memory" });
    t.say("Modèle prêt");
    expect(t.found("memory")).toEqual(["Memory usage reached 85 %", "Deployment mistral failed: out of memory"]);
    expect(t.found("MEMORY failed")).toEqual(["Deployment mistral failed: out of memory"]);
    expect(t.found('"out of memory"')).toEqual(["Deployment mistral failed: out of memory"]);
    expect(t.found('"memory of out"')).toEqual([]);
    expect(t.found("llama2-7b")).toEqual(["Deployment llama2-7b started"]);
    expect(t.found("depl*")).toHaveLength(2);
    expect(t.found("depl")).toEqual([]);
    expect(t.found("modele pret")).toEqual(["Modèle prêt"]);
  });

  test("the id of what an entry is about is found, too; filters and pages go with it", () => {
    using t = setup();
    for (let i = 0; i < 9; i++) {
      t.say(`step ${i}`, {
        resource_type: "deployment",
        resource_id: `dep-${i % 3}`,
        severity: i < 3 ? "error" : "info",
      });
    }
    expect(t.found("dep-1")).toEqual(["step 7", "step 4", "step 1"]);
    expect(t.found("step", { severity: "error" })).toEqual(["step 2", "step 1", "step 0"]);
    const first = t.activities.list({ q: "dep-1", limit: 2 });
    expect(t.found("dep-1", { before: first.next })).toEqual(["step 1"]);
    expect(t.found("step", { after: "act-7" })).toEqual(["step 7", "step 8"]);
  });

  test("whatever somebody types is a search or a refusal of q, never an error of the database", () => {
    using t = setup();
    t.say("NEAR OR AND NOT message : ^ * ( ) { } \" ' - + \\");
    const typed = fc.oneof(
      fc.string({ unit: "binary", maxLength: 60 }),
      fc
        .array(
          fc.constantFrom(
            '"',
            "*",
            "(",
            ")",
            "AND",
            "OR",
            "NOT",
            "NEAR(a, 2)",
            "-",
            "+",
            "^",
            ":",
            "message:",
            " ",
            "a",
            "\0",
            "é",
          ),
          { maxLength: 20 },
        )
        .map((parts) => parts.join("")),
    );
    fc.assert(
      fc.property(typed, (q) => {
        try {
          t.found(q);
        } catch (error) {
          expect(error).toBeInstanceOf(ProblemError);
          expect((error as ProblemError).errors?.[0]?.field).toBe("q");
        }
      }),
    );
    expect(t.found("near or not")).toHaveLength(1);
    for (const nothing of ["***", '""', "- +", "\0"]) expect(() => searchQuery(nothing)).toThrow("letter or a digit");
    expect(() => searchQuery("a ".repeat(17))).toThrow("at most 16 words");
  });

  test("a history from before the index is indexed in the background, and a search says so meanwhile", async () => {
    using t = setup();
    t.store.write((tx) => {
      for (let i = 0; i < 2_500; i++) t.activities.record(tx, createActivity.parse({ message: `old ${i}` }));
    });
    expect(() => t.found("old")).toThrow("2500 entries are left");
    using _following = t.activities.index.follow((error) => {
      throw error;
    });
    await t.clock.advance(1_000);
    expect(t.activities.index.behind).toBe(0);
    expect(t.found("old 2499")).toEqual(["old 2499"]);
  });

  test("what was indexed stays so over an end, and nothing is indexed twice", () => {
    using dir = tempDir();
    const clock = new FakeClock();
    {
      using store = openStore(dir.path);
      const activities = new Activities({ store, clock });
      activities.create(createActivity.parse({ message: "first" }));
      activities.list({ q: "first", limit: 5 });
      activities.create(createActivity.parse({ message: "second" }));
    }
    using store = openStore(dir.path);
    const activities = new Activities({ store, clock });
    expect(activities.index.behind).toBe(1);
    expect(activities.list({ q: "first", limit: 5 }).items).toHaveLength(1);
    expect(activities.list({ q: "second", limit: 5 }).items).toHaveLength(1);
    store.statement<[]>("INSERT INTO activity_search (activity_search, rank) VALUES ('integrity-check', 1)").run();
  });
});
