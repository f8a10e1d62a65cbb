import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import type { Browser, Page } from "playwright-core";
import { startEngine } from "../fake-engine/start.ts";
import { must } from "../rest.ts";
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

function figures(page: Page): Promise<string> {
  return page.locator(".resources .figure").allTextContents().then(String);
}

/** Marks the document, so that a reload would be noticed. */
async function mark(page: Page): Promise<() => Promise<boolean>> {
  await page.evaluate(() => document.documentElement.setAttribute("data-marked", ""));
  return () => page.evaluate(() => document.documentElement.hasAttribute("data-marked"));
}

function entry(page: Page, text: string) {
  return page.locator(".entry", { hasText: text });
}

function row(page: Page, id: string) {
  return page.locator(`.deployment[data-id="${id}"]`);
}

describe("live page", () => {
  test("shows this machine's figures, and they change by themselves", async () => {
    await using watched = await openPage(browser, server.url);
    const { page } = watched;
    await untilStatus(page, "live");
    const resources = await must(server.url, "GET", "/resources");
    await page.getByText(`${resources.data.cpu.cores} core`).waitFor();
    await page.getByText(`of ${resources.data.memory.total_gb.toFixed(1)} GB free`).waitFor();

    const before = await figures(page);
    expect(before).toMatch(/\d/);
    await page.waitForFunction(
      (old) => String([...document.querySelectorAll(".resources .figure")].map((figure) => figure.textContent)) !== old,
      before,
    );
    expect(watched.errors).toEqual([]);
  });

  test("keeps to its policy, asks nobody but its server, and has no errors", async () => {
    await using watched = await openPage(browser, server.url);
    await untilStatus(watched.page, "live");
    const policy = (await fetch(server.url)).headers.get("content-security-policy");
    expect(policy).toContain("default-src 'self'");
    expect(policy).not.toContain("unsafe");
    await watched.page.getByRole("button", { name: "Dark theme" }).click();
    expect(await watched.violations()).toEqual([]);
    expect(watched.foreign).toEqual([]);
    expect(watched.errors).toEqual([]);

    // The policy is in force, and what it forbids would have been seen.
    await watched.page.evaluate(() => {
      const script = document.createElement("script");
      script.textContent = "document.title = 'taken over'";
      document.body.append(script);
    });
    await watched.page.waitForFunction(() => Reflect.get(window, "cspViolations").length > 0);
    expect(await watched.page.title()).toBe("LLM Manager");
  });

  test("a posted activity appears without a reload", async () => {
    await using watched = await openPage(browser, server.url);
    const { page } = watched;
    await untilStatus(page, "live");
    const marked = await mark(page);
    await must(server.url, "POST", "/activities", { message: "Checked the fans", severity: "warning" });
    await entry(page, "Checked the fans").waitFor();
    await entry(page, "Warning").first().waitFor();
    expect(await page.locator(".entry").first().textContent()).toContain("Checked the fans");
    expect(await marked()).toBe(true);
    await page.reload();
    await entry(page, "Checked the fans").waitFor();
  });

  test("a deployment appears, gets healthy, ticks, and says why it is in trouble", async () => {
    await using watched = await openPage(browser, server.url);
    const { page } = watched;
    await untilStatus(page, "live");
    await using engine = await startEngine();
    await must(server.url, "POST", "/models", { model_id: "page-model", name: "Page Model", model_source: "local" });
    const { deployment_id: id } = await must(server.url, "POST", "/deployments", {
      model_id: "page-model",
      runtime: "external",
      host: "127.0.0.1",
      port: engine.port,
      health: { interval_seconds: 1, timeout_seconds: 1, unhealthy_threshold: 1 },
    });
    await row(page, id).getByText("Running · healthy").waitFor();
    await row(page, id).getByText(`127.0.0.1:${engine.port}`).waitFor();
    const uptime = await row(page, id).locator(".deployment-uptime").textContent();
    await page.waitForFunction(
      ([selector, old]) => document.querySelector(selector ?? "")?.textContent !== old,
      [`.deployment[data-id="${id}"] .deployment-uptime`, uptime],
    );
    await engine.crash();
    await row(page, id).locator(".deployment-reason").waitFor();
    await must(server.url, "POST", `/deployments/${id}/stop`);
    await row(page, id).getByText("Stopped").waitFor();
    await fetch(`${server.url}/api/v1/deployments/${id}`, { method: "DELETE" });
    await row(page, id).waitFor({ state: "detached" });
    expect(watched.errors).toEqual([]);
  });

  test("names and messages are text, whatever they contain", async () => {
    await using watched = await openPage(browser, server.url);
    const { page } = watched;
    await untilStatus(page, "live");
    const attack = `<img src=x onerror="document.title='owned'"><script>document.title='owned'</script>`;
    await must(server.url, "POST", "/models", { model_id: "hostile", name: attack, model_source: "local" });
    const { deployment_id: id } = await must(server.url, "POST", "/deployments", {
      model_id: "hostile",
      runtime: "external",
      name: attack,
      port: 1,
    });
    await must(server.url, "POST", "/activities", { message: attack, resource_type: "x", resource_id: attack });
    await entry(page, attack).first().waitFor();
    await row(page, id).getByText(attack).waitFor();
    expect(await page.locator("main img, main script").count()).toBe(0);
    expect(await page.title()).toBe("LLM Manager");
    expect(await watched.violations()).toEqual([]);
    expect(watched.errors).toEqual([]);
    await fetch(`${server.url}/api/v1/deployments/${id}`, { method: "DELETE" });
  });

  test("a tab that nobody sees draws nothing, and is up to date when it is seen again", async () => {
    await using watched = await openPage(browser, server.url);
    const { page } = watched;
    await untilStatus(page, "live");
    // What a browser does to a hidden tab: it says so, and gives it no frames.
    await page.evaluate(async () => {
      const held: FrameRequestCallback[] = [];
      let changes = 0;
      const frame = window.requestAnimationFrame;
      const setVisibility = (value: string) => {
        Object.defineProperty(document, "visibilityState", { value, configurable: true });
        document.dispatchEvent(new Event("visibilitychange"));
      };
      window.requestAnimationFrame = (callback) => held.push(callback);
      setVisibility("hidden");
      // What was begun before the tab was hidden goes on to its end, with the effects of that drawing.
      for (let calm = 0; calm < 8; calm++) {
        await new Promise((resolve) => frame(resolve));
        if (held.length > 0) calm = 0;
        for (const callback of held.splice(0)) callback(performance.now());
      }
      new MutationObserver((records) => {
        changes += records.length;
      }).observe(document.body, { subtree: true, childList: true, characterData: true, attributes: true });
      const show = () => {
        window.requestAnimationFrame = frame;
        for (const callback of held) frame(callback);
        setVisibility("visible");
      };
      Object.assign(window, { hiddenTab: { held: () => held.length, changes: () => changes, show } });
    });
    const tab = (what: string) => page.evaluate((name) => Reflect.get(window, "hiddenTab")[name](), what);
    await must(server.url, "POST", "/activities", { message: "While nobody looked" });
    await page.waitForFunction(() => Reflect.get(window, "hiddenTab").held() > 0);
    expect(await tab("held")).toBe(1);
    expect(await tab("changes")).toBe(0);
    await tab("show");
    await entry(page, "While nobody looked").waitFor();
  });

  test("takes up again what it showed when the server was killed and comes back", async () => {
    const first = await serverProcess();
    await using watched = await openPage(browser, first.url);
    const { page } = watched;
    await untilStatus(page, "live");
    const marked = await mark(page);
    await must(first.url, "POST", "/activities", { message: "Before the crash" });
    await entry(page, "Before the crash").waitFor();
    await first.kill("SIGKILL");
    await untilStatus(page, "reconnecting");
    expect(await figures(page)).toMatch(/\d/);

    const port = new URL(first.url).port;
    await using second = await serverProcess({ dataDir: first.dataDir, env: { PORT: port } });
    await must(second.url, "POST", "/activities", { message: "While the page was away" });
    await untilStatus(page, "live");
    await entry(page, "While the page was away").waitFor();
    expect(await entry(page, "Before the crash").count()).toBe(1);
    expect(await marked()).toBe(true);
    await first[Symbol.asyncDispose]();
  });
});
