import { expect, test } from "bun:test";
import fc from "fast-check";
import { PullProgress } from "../../../src/deployments/drivers/docker/pull-progress.ts";

test("the layers are added up, and what is unpacked counts as read", () => {
  const progress = new PullProgress();
  expect(progress.pulled).toEqual({ percent: null, bytes: 0, totalBytes: 0 });
  progress.add({ status: "Pulling from engine" });
  progress.add({ id: "a", status: "Pulling fs layer" });
  progress.add({ id: "a", status: "Downloading", progressDetail: { current: 30, total: 100 } });
  progress.add({ id: "b", status: "Downloading", progressDetail: { current: 0, total: 200 } });
  expect(progress.pulled).toEqual({ percent: 10, bytes: 30, totalBytes: 300 });
  progress.add({ id: "a", status: "Extracting", progressDetail: { current: 1, total: 900 } });
  progress.add({ id: "b", status: "Download complete" });
  expect(progress.pulled).toEqual({ percent: 100, bytes: 300, totalBytes: 300 });
});

test("whether something moved is told", () => {
  const progress = new PullProgress();
  const downloading = { id: "a", status: "Downloading", progressDetail: { current: 3, total: 9 } };
  expect([downloading, downloading].map((message) => progress.add(message))).toEqual([true, false]);
});

test("percent is 0 to 100, whatever an Engine says", () => {
  const number = fc.option(fc.integer({ min: -5, max: 1_000 }), { nil: undefined });
  const message = fc.record({
    id: fc.constantFrom("a", "b", "c", undefined),
    status: fc.constantFrom("Downloading", "Extracting", "Pull complete", "Waiting", undefined),
    progressDetail: fc.option(fc.record({ current: number, total: number }), { nil: undefined }),
  });
  fc.assert(
    fc.property(fc.array(message), (messages) => {
      const progress = new PullProgress();
      for (const each of messages) {
        progress.add(each);
        expect(progress.pulled.percent ?? 0).toBeWithin(0, 101);
      }
    }),
  );
});
