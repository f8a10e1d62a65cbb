import { expect, test } from "bun:test";
import fc from "fast-check";
import { DiskForecast, NOT_FILLING_HOURS } from "../../src/alerts/disk-forecast.ts";

const GB = 2 ** 30;
const TOTAL = 1_000 * GB;

/** Reads every 10 s what `freeAt` says, for so many minutes, and tells the last forecast. */
function forecast(minutes: number, freeAt: (minute: number) => number, start = 0, disk = new DiskForecast()) {
  let hours: number | undefined;
  for (let i = 0; i <= minutes * 6; i++) hours = disk.observe(freeAt(i / 6), TOTAL, start + i * 10_000);
  return hours;
}

test("a disk that fills steadily has as many hours left as it has room", () => {
  expect(forecast(60, (minute) => 100 * GB - (minute * (10 * GB)) / 60)).toBeCloseTo(9, 1);
});

test("half an hour has to pass before anything is said", () => {
  expect(forecast(29, (minute) => 100 * GB - minute * GB)).toBeUndefined();
  expect(forecast(31, (minute) => 100 * GB - minute * GB)).toBeDefined();
});

test("a disk on which nothing changes, or that empties, is not filling", () => {
  expect(forecast(60, () => 5 * GB)).toBe(NOT_FILLING_HOURS);
  expect(forecast(60, (minute) => 5 * GB + minute * GB)).toBe(NOT_FILLING_HOURS);
});

test("noise as large as what is written in ten minutes moves the forecast by less than a fifth", () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: -0.5, max: 0.5, noNaN: true }), { minLength: 400, maxLength: 400 }),
      (noise) => {
        // 6 GB an hour, so 15 hours after the hour that is looked at.
        const hours = forecast(60, (minute) => 96 * GB - minute * 0.1 * GB + (noise[Math.round(minute * 6)] ?? 0) * GB);
        expect(hours).toBeGreaterThan(12);
        expect(hours).toBeLessThan(18);
      },
    ),
  );
});

test("one large file is no trend", () => {
  expect(forecast(60, (minute) => (minute < 25 ? 100 : 60) * GB)).toBe(NOT_FILLING_HOURS);
});

test("files that come and go are no trend", () => {
  expect(forecast(90, (minute) => 100 * GB - (Math.floor(minute / 5) % 2) * 20 * GB)).toBe(NOT_FILLING_HOURS);
});

test("bursts of writing every ten minutes are one", () => {
  const hours = forecast(60, (minute) => 100 * GB - Math.floor(minute / 10) * 2 * GB);
  expect(hours).toBeGreaterThan(5);
  expect(hours).toBeLessThan(11);
});

test("after a deletion it is not filling until there is half an hour that says so again", () => {
  const disk = new DiskForecast();
  expect(forecast(60, (minute) => 100 * GB - minute * GB, 0, disk)).toBeLessThan(1);
  expect(forecast(20, (minute) => 400 * GB - minute * GB, 3_610_000, disk)).toBe(NOT_FILLING_HOURS);
  expect(forecast(40, (minute) => 380 * GB - minute * GB, 4_820_000, disk)).toBeCloseTo(5.7, 0);
});

test("after a time without readings it begins anew", () => {
  const disk = new DiskForecast();
  forecast(60, (minute) => 100 * GB - minute * GB, 0, disk);
  expect(forecast(5, () => 30 * GB, 4_500_000, disk)).toBeUndefined();
});
