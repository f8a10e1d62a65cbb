import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";

const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";

/** No GPU, no QUIC, and nothing of what Chromium does on the network by itself. */
const ARGUMENTS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export function launchBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM, args: ARGUMENTS, headless: true });
}

/** A page and everything it did that it should not have. */
export interface WatchedPage extends AsyncDisposable {
  readonly page: Page;
  /** Requests, WebSockets included, to anything but the server. */
  readonly foreign: string[];
  /** Errors on the console, and exceptions nobody caught. */
  readonly errors: string[];
  /** What the content security policy forbade. */
  violations(): Promise<string[]>;
}

export async function openPage(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<WatchedPage> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const foreign: string[] = [];
  const errors: string[] = [];
  const host = new URL(url).host;
  const note = (address: string) => {
    if (new URL(address).host !== host) foreign.push(address);
  };
  page.on("request", (request) => note(request.url()));
  page.on("websocket", (socket) => note(socket.url()));
  page.on("console", (message) => {
    if (message.type() === "error") errors.push(message.text());
  });
  page.on("pageerror", (error) => errors.push(String(error)));
  await page.addInitScript(() => {
    const seen: string[] = [];
    Object.assign(window, { cspViolations: seen });
    document.addEventListener("securitypolicyviolation", (event) => {
      seen.push(`${event.violatedDirective} ${event.blockedURI}`);
    });
  });
  await page.goto(url);
  return {
    page,
    foreign,
    errors,
    violations: () => page.evaluate(() => Reflect.get(window, "cspViolations")),
    [Symbol.asyncDispose]: () => context.close(),
  };
}

/** Waits until the pill says so. */
export async function untilStatus(page: Page, status: string, timeout = 30_000): Promise<void> {
  await page.locator(`.pill[data-status="${status}"]`).waitFor({ timeout });
}
