import { describe, expect, test } from "bun:test";
import {
  address,
  age,
  celsiusQuantity,
  duration,
  megahertz,
  partOfWhole,
  percentQuantity,
  quantityText,
  rateQuantity,
  words,
} from "../../src/dashboard/format.ts";

describe("what the machine does not report is a dash, never a number", () => {
  for (const unknown of [null, undefined, Number.NaN, Number.POSITIVE_INFINITY]) {
    test(String(unknown), () => {
      const shown = [percentQuantity, rateQuantity, celsiusQuantity].map((format) => quantityText(format(unknown)));
      expect([...shown, megahertz(unknown), duration(unknown), partOfWhole(1, unknown)]).toEqual(Array(6).fill("–"));
    });
  }
});

test.each([
  [0, "0.0 %"],
  [9.94, "9.9 %"],
  [9.96, "10 %"],
  [45.2, "45 %"],
  [100, "100 %"],
])("percent %p", (value, text) => {
  expect(quantityText(percentQuantity(value))).toBe(text);
});

test.each([
  [0, "0 B/s"],
  [999.4, "999 B/s"],
  [999.6, "1.0 KB/s"],
  [1536, "1.5 KB/s"],
  [10_200, "10 KB/s"],
  [1_048_576, "1.0 MB/s"],
  [1_099_511_627_776 * 5000, "5000 TB/s"],
])("rate %p", (value, text) => {
  expect(quantityText(rateQuantity(value))).toBe(text);
});

test("a rate never has more than three digits below the greatest unit", () => {
  for (let value = 1; value < 1024 ** 4; value *= 1.01) {
    expect(rateQuantity(value).figure.replace(".", "").length).toBeLessThanOrEqual(3);
  }
});

test.each([
  [0, "0s"],
  [59.9, "59s"],
  [65, "1m 05s"],
  [3600, "1h 00m"],
  [93_784, "1d 02h"],
  [-3, "0s"],
])("duration %p", (seconds, text) => {
  expect(duration(seconds)).toBe(text);
});

test.each([
  [-2000, "now"],
  [4999, "now"],
  [5000, "5 s"],
  [59_999, "59 s"],
  [60_000, "1 min"],
  [3_600_000, "1 h"],
  [86_400_000, "1 d"],
])("age %p", (milliseconds, text) => {
  expect(age(milliseconds)).toBe(text);
});

test("part and whole share the whole's unit", () => {
  expect(partOfWhole(5.2, 16)).toBe("5.2 of 16.0 GB");
  expect(partOfWhole(512, 2048)).toBe("0.5 of 2.0 TB");
  expect(partOfWhole(107.5, 500)).toBe("108 of 500 GB");
  expect(partOfWhole(null, 16)).toBe("– of 16.0 GB");
});

test("an IPv6 host stands in brackets only before a port", () => {
  expect(address("localhost", 8000)).toBe("localhost:8000");
  expect(address("::1", 8000)).toBe("[::1]:8000");
  expect(address("::1", null)).toBe("::1");
});

test("frequency and words", () => {
  expect(megahertz(3200)).toBe("3.2 GHz");
  expect(megahertz(800)).toBe("800 MHz");
  expect(words("model_health_check")).toBe("Model health check");
});
