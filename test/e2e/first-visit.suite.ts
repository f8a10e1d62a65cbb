import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser } from "playwright-core";
import { type ServerProcess, serverProcess } from "../server-process.ts";
import { tempDir } from "../temp-dir.ts";
import { launchBrowser, openPage, untilStatus } from "./browser.ts";

setDefaultTimeout(90_000);

const main = fileURLToPath(new URL("../../src/main.ts", import.meta.url));

let browser: Browser;
let server: ServerProcess;

beforeAll(async () => {
  [browser, server] = await Promise.all([launchBrowser(), serverProcess()]);
});
afterAll(async () => {
  await browser.close();
  await server[Symbol.asyncDispose]();
});

describe("first deployment", () => {
  test.each(["Deploy with the command line", "Deploy over the API"])("%s: the commands shown work", async (label) => {
    // As if the program were installed.
    using programs = tempDir();
    writeFileSync(join(programs.path, "llm-manager"), `#!/bin/sh\nexec "${process.execPath}" "${main}" "$@"\n`, {
      mode: 0o755,
    });
    await using fresh = await serverProcess();
    await using watched = await openPage(browser, fresh.url);
    const { page } = watched;
    await page.getByText("Nothing happened yet").waitFor();
    const command = page.locator(".command", { has: page.getByRole("button", { name: `Copy: ${label}` }) });
    const commands = await command.locator("code").textContent();
    const { status, stderr } = spawnSync("/bin/sh", ["-ec", commands ?? ""], {
      encoding: "utf8",
      env: { ...process.env, PATH: `${programs.path}${delimiter}${process.env.PATH}` },
    });
    expect(status, stderr).toBe(0);
    await page
      .locator(".deployment", { hasText: "llama2-7b" })
      .getByRole("cell", { name: "localhost:8000", exact: true })
      .waitFor();
    expect(await page.getByText("Nothing is deployed yet").count()).toBe(0);
  });
});

describe("reference", () => {
  test("is one click away, complete, and keeps to the same policy", async () => {
    await using watched = await openPage(browser, server.url);
    const { page } = watched;
    await untilStatus(page, "live");
    await page.getByRole("link", { name: "Docs" }).click();
    await page.waitForURL(`${server.url}/docs`);
    await page.locator(".opblock").first().waitFor();
    const { paths } = await (await fetch(`${server.url}/openapi.json`)).json();
    const operations = Object.values(paths as Record<string, object>).flatMap((path) => Object.keys(path));
    expect(await page.locator(".opblock").count()).toBe(operations.length);
    expect(await watched.violations()).toEqual([]);
    expect(watched.foreign).toEqual([]);
    expect(watched.errors).toEqual([]);
  });
});

describe("token", () => {
  const token = "a-token-of-the-e2e-suite";

  test("is asked for, refused when wrong, kept for the tab, and forgotten on demand", async () => {
    await using guarded = await serverProcess({ env: { AUTH_TOKEN: token, HOST: "0.0.0.0" } });
    await using watched = await openPage(browser, guarded.url);
    const { page } = watched;
    const field = page.getByLabel("Access token");
    await field.waitFor();
    expect(await page.locator(".resources").count()).toBe(0);
    await page.waitForFunction(() => document.activeElement?.id === "token");

    await page.keyboard.type("not-the-token-at-all");
    await page.keyboard.press("Enter");
    await page.getByRole("alert").waitFor();

    await field.fill(token);
    await page.keyboard.press("Enter");
    await untilStatus(page, "live");
    await page.reload();
    await untilStatus(page, "live");
    expect(await page.evaluate(() => localStorage.length)).toBe(0);

    await page.getByRole("button", { name: "Forget token" }).click();
    await field.waitFor();
    expect(await page.evaluate(() => sessionStorage.length)).toBe(0);
    expect(watched.foreign).toEqual([]);
    expect(await watched.violations()).toEqual([]);
  });
});
