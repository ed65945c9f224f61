/** A real Chromium: the machine's own, headless, and gone with the test that started it. */

import { chromium, type Browser, type Page } from "playwright-core";
import { CHROMIUM_COMMANDS, findCommand } from "./commands.ts";

/** A page, with what went wrong in it. */
export interface WatchedPage extends AsyncDisposable {
  readonly page: Page;
  /** Errors of the console, exceptions that nobody caught, requests that failed: a sound page has none. */
  readonly faults: readonly string[];
}

const START_TIMEOUT_MS = 60_000;

/** Start the browser. Disposing it closes every page and ends its processes. */
export async function startBrowser(): Promise<Browser> {
  const executablePath = CHROMIUM_COMMANDS.map(findCommand).find((path) => path !== undefined);
  if (executablePath === undefined) throw new Error("No Chromium is installed");
  return chromium.launch({
    executablePath,
    timeout: START_TIMEOUT_MS,
    // Its sandbox refuses to run as root, which is who runs CI.
    chromiumSandbox: process.getuid?.() !== 0,
    // Small machines and containers have little shared memory; nothing may be asked of Google.
    args: ["--disable-dev-shm-usage", "--disable-background-networking", "--disable-component-update"],
  });
}

/** Open an address in a context of its own: no cookies, storage or cache of another test. */
export async function openPage(browser: Browser, url: string): Promise<WatchedPage> {
  const context = await browser.newContext();
  const page = await context.newPage();
  const faults: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error") faults.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => faults.push(`exception: ${error.message}`));
  page.on("requestfailed", (request) =>
    faults.push(`request: ${request.url()} ${request.failure()?.errorText ?? ""}`),
  );
  await page.goto(url);
  return { page, faults, [Symbol.asyncDispose]: () => context.close() };
}
