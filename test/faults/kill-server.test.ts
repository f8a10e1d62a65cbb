import { expect, setDefaultTimeout, test } from "bun:test";
import { killRounds } from "./kill-rounds.ts";

setDefaultTimeout(180_000);

/** Of the 240 that kill-server.suite.ts has. */
const KILLS = 8;

test("kill -9 at any step of a start, stop or restart: no orphan, no double start, no lost command", async () => {
  const report = await killRounds(KILLS, 20_251_125);
  expect(report).toMatchObject({ kills: KILLS, doubleStarts: [], lost: [], orphans: [], failures: [] });
});
