import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { PART_BYTES } from "../../../src/deployments/logs/format.ts";
import { LineSplitter } from "../../../src/deployments/logs/splitter.ts";

interface Entry {
  readonly text: string;
  readonly full: boolean;
}

/** What comes of pieces that are written `msApart`. */
function split(pieces: readonly (string | Uint8Array)[], msApart = 0, end = true): Entry[] {
  const entries: Entry[] = [];
  const splitter = new LineSplitter((bytes, full) =>
    entries.push({ text: Buffer.from(bytes).toString("latin1"), full }),
  );
  pieces.forEach((piece, i) => {
    splitter.push(typeof piece === "string" ? Buffer.from(piece, "latin1") : piece, i * msApart);
  });
  if (end) splitter.end();
  return entries;
}

const texts = (entries: readonly Entry[]) => entries.map(({ text }) => text);

/** The lines, those in parts put together. */
function lines(entries: readonly Entry[]): string[] {
  const whole: string[] = [];
  let parts = "";
  for (const { text, full } of entries) {
    parts += text;
    if (!full) continue;
    whole.push(parts);
    parts = "";
  }
  return whole;
}

describe("lines", () => {
  test("are the same however the bytes are cut into chunks", () => {
    const line = fc.oneof(
      fc.string({ maxLength: 40 }).map((text) => text.replaceAll(/[\r\n]/g, "") || "x"),
      fc.nat(3 * PART_BYTES).map((length) => "y".repeat(length)),
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 12 }), fc.array(fc.nat(), { maxLength: 20 }), (wanted, cuts) => {
        const bytes = Buffer.from(wanted.map((text) => `${text}\n`).join(""));
        const places = cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b);
        const pieces = [0, ...places].map((from, i) => bytes.subarray(from, places[i] ?? bytes.length));
        expect(lines(split(pieces))).toEqual(wanted.map((text) => Buffer.from(text).toString("latin1")));
      }),
    );
  });

  test("of any bytes stay within a part, and lose none of them", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 20 }), (chunks) => {
        const clean = chunks.map((chunk) => chunk.filter((byte) => byte !== 0x0d));
        const joined = Buffer.concat(clean).toString("latin1");
        expect(
          split(clean)
            .map(({ text, full }) => text + (full ? "\n" : ""))
            .join(""),
        ).toBe(joined === "" || joined.endsWith("\n") ? joined : `${joined}\n`);
      }),
    );
  });

  test("longer than a part are cut, and no character is", () => {
    const text = "é€😀".repeat(6_000);
    const entries = split([Buffer.from(`${text}\n`)]);
    expect(entries.map(({ full }) => full)).toEqual([false, false, false, true]);
    for (const entry of entries) {
      expect(entry.text.length).toBeLessThanOrEqual(PART_BYTES);
      expect(Buffer.from(entry.text, "latin1").toString("utf8")).not.toContain("\ufffd");
    }
    expect(Buffer.from(lines(entries)[0] ?? "", "latin1").toString("utf8")).toBe(text);
  });

  test("of bytes that are no characters are cut all the same", () => {
    expect(split([new Uint8Array(PART_BYTES * 2 + 5).fill(0x80)]).map(({ text }) => text.length)).toEqual([
      PART_BYTES,
      PART_BYTES,
      5,
    ]);
  });

  test("that end in a carriage return and a newline end there", () => {
    expect(texts(split(["a\r\nb\r", "\nc\r\r\n\r\n"]))).toEqual(["a", "b", "c", ""]);
  });

  test("without an end are given at the end", () => {
    expect(split(["a\nb"])).toEqual([
      { text: "a", full: true },
      { text: "b", full: true },
    ]);
  });
});

describe("a line that is written over", () => {
  const bar = (count: number) => Array.from({ length: count }, (_, i) => `\r${i + 1}%`);

  test("is kept at most once a second, and its last state always", () => {
    // 41 states, 100 ms apart: at 0 there is nothing to overwrite yet.
    expect(texts(split(["start\n", ...bar(40), "\ndone\n"], 100))).toEqual([
      "start",
      "1%",
      "11%",
      "21%",
      "31%",
      "40%",
      "done",
    ]);
  });

  test("is one line when it is fast", () => {
    expect(texts(split([bar(1000).join(""), "\n"]))).toEqual(["1%", "1000%"]);
  });

  test("and grew beyond a part is ended, not mixed with what overwrites it", () => {
    const long = "z".repeat(PART_BYTES + 10);
    const entries = split([`${long}\rshort\n`]);
    expect(lines(entries)).toEqual([long, "short"]);
  });
});
