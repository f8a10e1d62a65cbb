import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import type { Browser } from "playwright-core";
import { History } from "../../src/history/history.ts";
import { FakeClock } from "../fake-clock.ts";
import { serverProcess } from "../server-process.ts";
import { tempDir } from "../temp-dir.ts";
import { openStore } from "../temp-store.ts";
import { launchBrowser, openPage, untilStatus } from "./browser.ts";

setDefaultTimeout(90_000);

let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser.close());

test("the charts go back to what was recorded before the server started, and to live again", async () => {
  using dir = tempDir();
  {
    using store = openStore(dir.path);
    const clock = new FakeClock(Date.now() - 2 * 3_600_000);
    const nothing = () => {};
    const log = { error: nothing, warning: nothing, info: nothing };
    using history = new History({ store, clock, log, record: true, maxBytes: 2 ** 30 });
    for (let i = 0; i < 600; i++) {
      history.record("resources", 10_000, { cpu: 33, memory: 44 });
      await clock.advance(10_000);
    }
  }
  await using server = await serverProcess({ dataDir: dir.path });
  await using watched = await openPage(browser, server.url);
  const { page } = watched;
  await untilStatus(page, "live");
  const cpu = page.getByRole("img", { name: /^CPU usage over/ });
  const choose = (name: string) => page.getByRole("radio", { name, exact: true }).check({ force: true });
  await choose("6 h");
  await page.getByRole("img", { name: /^Memory usage over the last 6 hours: usage between .* and 44 %/ }).waitFor();
  expect(await cpu.getAttribute("aria-label")).toMatch(/^CPU usage over the last 6 hours: usage between/);
  expect(await cpu.locator("canvas").count()).toBe(1);
  await choose("Live");
  await page.getByRole("img", { name: /^CPU usage over the last five minutes/ }).waitFor();
  expect(await watched.violations()).toEqual([]);
  expect({ errors: watched.errors, foreign: watched.foreign }).toEqual({ errors: [], foreign: [] });
});

test("where nothing was recorded the page says so", async () => {
  await using server = await serverProcess({ env: { HISTORY: "off" } });
  await using watched = await openPage(browser, server.url);
  await untilStatus(watched.page, "live");
  await watched.page.getByRole("radio", { name: "7 d", exact: true }).check({ force: true });
  await watched.page.getByText("Nothing was recorded in this time.").waitFor();
});
