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

describe("signing in", () => {
  const token = "a-token-of-the-e2e-suite";

  test("takes a token, refuses a wrong one, lasts over a reload in a cookie no script can read, and ends", async () => {
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
    expect(await page.context().cookies()).toEqual([]);

    await field.fill(token);
    await page.keyboard.press("Enter");
    await untilStatus(page, "live");
    await page.getByText("Signed in as AUTH_TOKEN (admin)").waitFor();
    await page.reload();
    await untilStatus(page, "live");
    // Whatever a script could steal is not there.
    const seen = () => [localStorage.length, sessionStorage.length, document.cookie];
    expect(await page.evaluate(seen)).toEqual([0, 0, ""]);
    const [cookie, ...others] = await page.context().cookies();
    expect(others).toEqual([]);
    expect(cookie).toMatchObject({ httpOnly: true, sameSite: "Strict", path: "/", expires: -1 });

    // Another tab of the same browser is signed in, and signed out with this one.
    const other = await page.context().newPage();
    await other.goto(guarded.url);
    await untilStatus(other, "live");
    await page.getByRole("button", { name: "Sign out" }).click();
    await field.waitFor();
    await other.getByLabel("Access token").waitFor();
    expect(await page.context().cookies()).toEqual([]);
    expect(watched.foreign).toEqual([]);
    expect(await watched.violations()).toEqual([]);
  });

  test("with a token that sees little shows that, and asks for nothing else", async () => {
    await using guarded = await serverProcess({ env: { AUTH_TOKEN: token } });
    const made = await fetch(`${guarded.url}/api/v1/tokens`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify({ name: "wall screen", scopes: ["read:resources"] }),
    });
    await using watched = await openPage(browser, guarded.url);
    const { page } = watched;
    await page.getByLabel("Access token").fill((await made.json()).token);
    await page.keyboard.press("Enter");
    await untilStatus(page, "live");
    await page.getByText("You are not permitted to see: deployments, alerts, activities.").waitFor();
    expect(watched.errors).toEqual([]);
    // It ends with its token.
    await fetch(`${guarded.url}/api/v1/tokens/tok-1`, {
      method: "DELETE",
      headers: { authorization: `Bearer ${token}` },
    });
    await page.getByLabel("Access token").waitFor();
  });
});
