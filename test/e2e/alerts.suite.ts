import { afterAll, afterEach, beforeAll, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { type ServerProcess, serverProcess } from "../server-process.ts";
import { tempDir } from "../temp-dir.ts";
import { launchBrowser, openPage, untilStatus } from "./browser.ts";

setDefaultTimeout(60_000);

const dir = tempDir();
let browser: Browser;
let server: ServerProcess;

beforeAll(async () => {
  browser = await launchBrowser();
});

beforeEach(async () => {
  const file = join(dir.path, "config.toml");
  // Any use of the memory and of the disk is one too many, and nothing else is looked at.
  const off = ["cpu", "inodes", "disk_full"].map((name) => `[alerts.rules.${name}]\nenabled = false\n`);
  writeFileSync(
    file,
    `[alerts.rules.memory]\nwarning = 0\n[alerts.rules.disk]\ncritical = 0\nwarning = 0\n${off.join("")}`,
  );
  server = await serverProcess({ env: { CONFIG_FILE: file, GPU: "off" } });
});

afterEach(() => server[Symbol.asyncDispose]());

afterAll(async () => {
  await browser.close();
  dir[Symbol.dispose]();
});

test("an alert is acknowledged with the keyboard, and every page shows it", async () => {
  await using mine = await openPage(browser, server.url);
  await using other = await openPage(browser, server.url, { viewport: { width: 390, height: 844 } });
  for (const { page } of [mine, other]) await untilStatus(page, "live");
  const strip = mine.page.getByRole("region", { name: "Open alerts" });
  await strip.getByText("Critical Disk Usage").waitFor();
  await strip.getByRole("button", { name: "+1 more" }).press("Enter");
  await strip.getByRole("button", { name: "Acknowledge: Critical Disk Usage" }).press("Enter");
  await strip.locator("li").getByText("Acknowledged").waitFor();
  // What nobody sees to comes first now.
  expect(await strip.locator(".alert strong").allTextContents()).toEqual(["High Memory Usage", "Critical Disk Usage"]);

  const there = other.page.getByRole("region", { name: "Open alerts" });
  await there.getByRole("button", { name: "+1 more" }).click();
  await there.locator("li").getByText("Acknowledged").waitFor();
  expect(await there.getByRole("button", { name: /^Acknowledge/ }).count()).toBe(1);
  for (const { errors, foreign } of [mine, other]) expect([errors, foreign]).toEqual([[], []]);
});

test("a server that refuses says why beside the button, which can be tried again", async () => {
  await using watched = await openPage(browser, server.url);
  await untilStatus(watched.page, "live");
  await watched.page.route("**/acknowledge", (route) =>
    route.fulfill({
      status: 507,
      contentType: "application/problem+json",
      body: JSON.stringify({
        type: "about:blank",
        title: "Full",
        status: 507,
        code: "storage_full",
        detail: "The disk is full.",
      }),
    }),
  );
  const button = watched.page.getByRole("button", { name: "Acknowledge: Critical Disk Usage" });
  await button.waitFor();
  await button.click();
  await watched.page.getByRole("alert").getByText("The disk is full.").waitFor();
  await watched.page.unroute("**/acknowledge");
  await button.click();
  await button.waitFor({ state: "detached" });
});
