import { existsSync } from "node:fs";
import { onEnd, type Scope } from "@muster/testing";
import { type BrowserContextOptions, chromium, type Page } from "playwright-core";

/** Set by scripts/suites.mjs, which also knows where else to look. */
const executablePath = process.env.MUSTER_CHROMIUM ?? "/usr/bin/chromium";

/** For `test(title, { skip }, …)`: a machine without Chromium skips the stories in a browser; CI never does. */
export const skipWithoutBrowser =
  existsSync(executablePath) || process.env.CI === "true" ? false : "there is no Chromium; see `npm test`";

/** A page in a browser of its own, closed with the scope. A script error on the page or a refused request fails the test. */
export async function openPage(
  scope: Scope,
  options: BrowserContextOptions = {},
  flags: readonly string[] = [],
): Promise<Page> {
  const browser = await chromium.launch({
    executablePath,
    args: [
      ...["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"],
      ...["--disable-background-networking", "--disable-component-update"],
      ...flags,
    ],
  });
  onEnd(scope, () => browser.close());
  const context = await browser.newContext({ locale: "en-GB", viewport: { width: 1440, height: 900 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  const errors: Error[] = [];
  page.on("pageerror", (error) => errors.push(error));
  onEnd(scope, () => {
    if (errors.length > 0) throw new AggregateError(errors, "the page threw errors");
  });
  return page;
}

/** How far the page can be scrolled sideways; zero on a page that fits. */
export function sidewaysOverflow(page: Page): Promise<number> {
  return page.evaluate(
    "document.documentElement.scrollWidth - document.documentElement.clientWidth",
  ) as Promise<number>;
}
