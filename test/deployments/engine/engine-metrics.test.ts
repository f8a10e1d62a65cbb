import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { type Figures, figuresOf, moved, perSecond } from "../../../src/deployments/engine/engine-metrics.ts";
import { samplesOf } from "../../../src/deployments/engine/prometheus-text.ts";

const page = (name: string) => readFileSync(new URL(`../../fixtures/engines/${name}.txt`, import.meta.url), "utf8");

const pages: [string, Figures][] = [
  [
    "vllm",
    {
      ...{ engine: "vllm", running: 5, waiting: 1, promptTokens: 2_000, generatedTokens: 5_000 },
      ...{ cacheUsage: 0.875, work: null },
    },
  ],
  [
    "vllm-0.8",
    {
      ...{ engine: "vllm", running: 1, waiting: null, promptTokens: null, generatedTokens: 10 },
      ...{ cacheUsage: 0.5, work: null },
    },
  ],
  [
    "llama-server",
    {
      ...{ engine: "llama.cpp", running: 1, waiting: 0, promptTokens: 1_536, generatedTokens: 4_096 },
      ...{ cacheUsage: null, work: 4_100 },
    },
  ],
  [
    "sglang",
    {
      ...{ engine: "sglang", running: 162, waiting: 2_826, promptTokens: 8_128_902, generatedTokens: 7_557_572 },
      ...{ cacheUsage: 0.28, work: null },
    },
  ],
  [
    "tgi",
    {
      ...{ engine: "tgi", running: 8, waiting: 4, promptTokens: 2_048, generatedTokens: 5_120 },
      ...{ cacheUsage: null, work: 120 },
    },
  ],
];
test.each(pages)("the figures of %s", (name, figures) => {
  expect(figuresOf(page(name))).toEqual(figures);
});

describe("a page", () => {
  test("of something else, of nothing, or in HTML tells nothing", () => {
    for (const text of ["", "# TYPE x counter\nx 1\n", "<html>vllm: no</html>", "\n\n", "vllm:", "vllm:x{"]) {
      expect(figuresOf(text)).toBeUndefined();
    }
  });

  test("with any label text, line ends and times keeps its values apart", () => {
    const text = 'vllm:a{x="}\\" 9",y="{"} 1 1700000000\r\nvllm:a 2e0\nvllm:a NaN\nvllm:a +Inf\nvllm:b\nvllm:c -1';
    expect(Object.fromEntries(samplesOf(text, ["vllm:"]))).toEqual({
      "vllm:a": { sum: 3, max: 2 },
    });
  });

  test("whatever is in it is read to its end, in time that grows with its length", () => {
    fc.assert(fc.property(fc.string({ maxLength: 2_000 }), (text) => void figuresOf(`vllm:x{${text}`)));
    const hostile = `vllm:x{${'"\\'.repeat(200_000)}`;
    expect(figuresOf(hostile)).toBeUndefined();
  });
});

test("rates come from two scrapes, and not over a restart of the engine", () => {
  expect(perSecond(100, 350, 5_000)).toBe(50);
  expect(perSecond(undefined, 350, 5_000)).toBeNull();
  expect(perSecond(100, null, 5_000)).toBeNull();
  expect(perSecond(100, 3, 5_000)).toBeNull();
  expect(perSecond(100, 350, 0)).toBeNull();
});

test("an engine has moved when any of its counters has grown", () => {
  const before = figuresOf(page("llama-server")) as Figures;
  expect(moved(before, before)).toBe(false);
  expect(moved(before, { ...before, work: 4_101 })).toBe(true);
  expect(moved(before, { ...before, generatedTokens: 1 })).toBe(false);
  expect(moved({ ...before, work: null }, { ...before, work: 1 })).toBe(false);
});
