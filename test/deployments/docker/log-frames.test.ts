import { expect, test } from "bun:test";
import fc from "fast-check";
import { type LogFrame, LogFrames } from "../../../src/deployments/drivers/docker/log-frames.ts";
import { encodeFrame } from "./frames.ts";

const bytes = fc.uint8Array({ maxLength: 200 });
const frame = fc.record({
  stream: fc.constantFrom("stdout" as const, "stderr" as const),
  time: fc.integer({ min: 1_000_000_000_000, max: 2_000_000_000_000 }),
  bytes,
  partial: fc.boolean(),
});

test("frames are read whole, however they arrive", () => {
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 8 }), fc.array(fc.integer({ min: 1, max: 40 })), (frames, sizes) => {
      // A part that happens to end with a newline is a whole line to everybody.
      const sent = frames.filter((each) => !each.partial || each.bytes.at(-1) !== 0x0a);
      let wire = Buffer.concat(sent.map(encodeFrame));
      const reader = new LogFrames();
      const read: LogFrame[] = [];
      for (let turn = 0; wire.length > 0; turn++) {
        const size = sizes[turn % Math.max(1, sizes.length)] ?? 7;
        read.push(...reader.read(wire.subarray(0, size)));
        wire = wire.subarray(size);
      }
      const plain = (some: readonly LogFrame[]) => some.map((each) => ({ ...each, bytes: [...each.bytes] }));
      expect(plain(read)).toEqual(plain(sent));
    }),
  );
});

test("what is no log is refused, not kept in memory", () => {
  expect(() => [...new LogFrames().read(Buffer.from("HTTP/1.1 200 OK\r\n"))]).toThrow("no line of a log");
  expect(() => [...new LogFrames().read(Buffer.from([1, 0, 0, 0, 0, 0, 0, 3, 65, 66, 67]))]).toThrow("no time");
});
