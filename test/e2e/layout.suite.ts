import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import type { Browser } from "playwright-core";
import { type ServerProcess, serverProcess } from "../server-process.ts";
import { launchBrowser, openPage, untilStatus } from "./browser.ts";

setDefaultTimeout(90_000);

let browser: Browser;
let server: ServerProcess;

beforeAll(async () => {
  [browser, server] = await Promise.all([launchBrowser(), serverProcess()]);
});
afterAll(async () => {
  await browser.close();
  await server[Symbol.asyncDispose]();
});

describe("layout", () => {
  test.each([360, 390, 768, 1024, 1440])("%d px wide: nothing is cut off sideways and nothing jumps", async (width) => {
    await using watched = await openPage(browser, server.url, { viewport: { width, height: 800 } });
    const { page } = watched;
    await untilStatus(page, "live");
    await page.locator(".entry, .activity .empty").first().waitFor();
    expect(await page.evaluate(() => document.body.scrollWidth - document.body.clientWidth)).toBe(0);
    const shift = await page.evaluate(
      () =>
        new Promise<number>((resolve) => {
          let sum = 0;
          new PerformanceObserver((list) => {
            for (const shifted of list.getEntries()) sum += Number(Reflect.get(shifted, "value"));
          }).observe({ type: "layout-shift", buffered: true });
          requestAnimationFrame(() => setTimeout(() => resolve(sum)));
        }),
    );
    // https://web.dev/articles/cls: up to 0.1 is good; this page means to be better.
    expect(shift).toBeLessThan(0.05);
  });

  test("the theme follows the system until one is chosen, and remembers the choice", async () => {
    await using watched = await openPage(browser, server.url, { colorScheme: "dark" });
    const { page } = watched;
    const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const toggle = page.getByRole("button", { name: "Dark theme" });
    await toggle.waitFor();
    const dark = await ground();
    expect(await toggle.getAttribute("aria-pressed")).toBe("true");
    await toggle.click();
    const light = await ground();
    expect(light).not.toBe(dark);
    await page.reload();
    await toggle.waitFor();
    expect(await ground()).toBe(light);
    await toggle.click();
    await page.emulateMedia({ colorScheme: "light" });
    expect(await ground()).toBe(light);
  });

  test("everything that can be used can be reached by keyboard", async () => {
    await using watched = await openPage(browser, server.url);
    const { page } = watched;
    await untilStatus(page, "live");
    await page.locator(".entry, .activity .empty").first().waitFor();
    const reached: string[] = [];
    for (let step = 0; step < 30; step += 1) {
      await page.keyboard.press("Tab");
      reached.push(
        await page.evaluate(
          () => document.activeElement?.getAttribute("aria-label") ?? document.activeElement?.textContent ?? "",
        ),
      );
    }
    for (const name of ["Skip to content", "Docs", "Dark theme", "API reference", "OpenAPI", "AsyncAPI"]) {
      expect(reached).toContain(name);
    }
  });
});
