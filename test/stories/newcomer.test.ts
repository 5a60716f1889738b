import assert from "node:assert/strict";
import { hostname } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { launchProcess, MUSTER, makeTempDir, type Scope, waitUntil } from "@muster/testing";
import type { Locator, Page } from "playwright-core";
import { openPage, skipWithoutBrowser } from "../support/browser.ts";

/** `muster up` in an empty folder, as `npm start` runs it. */
async function startUp(scope: Scope, folder: string) {
  const up = launchProcess(scope, {
    args: [MUSTER, "up", "--data-dir", join(folder, ".muster"), "--port", "0"],
    cwd: folder,
  });
  const [, url = ""] = await up.waitForOutput(/Console +(http:\/\/\S+)/);
  return { up, url };
}

async function logIn(page: Page, url: string, password: string): Promise<void> {
  await page.goto(url);
  await page.getByLabel("User name").fill("admin");
  await page.getByRole("textbox", { name: "Password" }).fill(password);
  await page.getByRole("button", { name: "Log in" }).click();
}

test("a newcomer starts Muster, logs in, sees this very host alive and watches a command's output arrive", {
  skip: skipWithoutBrowser,
}, async (t) => {
  const folder = await makeTempDir(t);
  const { up, url } = await startUp(t, folder);
  const [, password = ""] = await up.waitForOutput(/Log in +admin +(\S+)/);
  await up.waitForOutput(/curl .*tkn_[0-9a-f]{32}.*install\.sh \| sh/);
  assert.equal(up.output.split(password).length - 1, 1, "the password is shown once");

  const page = await openPage(t);
  await logIn(page, url, password);
  await mainLink(page, "Agents").click();
  await page.getByRole("link", { name: hostname() }).first().click();
  await seeMovingNumbers(page);

  await page.goto(`${url}/commands/new`);
  // a slow trickle: the end is written long after the beginning must be on the screen
  await page.getByRole("textbox", { name: "Command" }).fill('echo "first $((40+2))"; sleep 3; echo "last $((50+2))"');
  await page.getByText("Everyone", { exact: true }).click();
  await page.getByRole("button", { name: "Run on 1 agent" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Run on 1 agent" }).click();
  await page.getByText("first 42").waitFor();
  assert.equal(await page.getByText("last 52").count(), 0, "the end is there before it was written");
  await page.getByText("last 52").waitFor();
  await page.getByText("succeeded").first().waitFor();

  const exit = await up.stop("SIGTERM", 15_000);
  assert.deepEqual(exit, { code: 0, signal: null });
  const again = await startUp(t, folder);
  assert.doesNotMatch(again.up.output, /Log in +admin/, "a second start knows no password any more");
  const elsewhere = await openPage(t); // the first browser is still logged in
  await logIn(elsewhere, again.url, password);
  await mainLink(elsewhere, "Agents").waitFor();
});

test("without a password nothing of the fleet is on the page, and a wrong one says so", {
  skip: skipWithoutBrowser,
}, async (t) => {
  const { url } = await startUp(t, await makeTempDir(t));
  const page = await openPage(t);
  await page.goto(`${url}/agents`);
  await page.getByRole("button", { name: "Log in" }).waitFor();
  assert.equal(await page.getByText(hostname()).count(), 0);
  await logIn(page, url, "not the password");
  await page.getByText("User name and password do not match").waitFor();
});

function mainLink(page: Page, name: string): Locator {
  return page.getByRole("navigation", { name: "Main" }).getByRole("link", { name });
}

/** The agent's live picture: a share of CPU, and numbers that change while one looks at them and are not old. */
async function seeMovingNumbers(page: Page): Promise<void> {
  const panels = page.locator("section", { has: page.getByRole("heading", { level: 3 }) });
  const cpu = panels.filter({ has: page.getByRole("heading", { name: "CPU", exact: true }) }).first();
  await cpu.getByText(/^\d+\s?%$/).waitFor();
  const seen = new Set<string>();
  await waitUntil(
    "the numbers to move",
    async () => {
      seen.add((await panels.allTextContents()).join(" "));
      return seen.size >= 3;
    },
    { timeoutMs: 30_000, everyMs: 200, explain: () => [...seen].join("\n") },
  );
  assert.equal(await page.locator("[data-old]").count(), 0, "the numbers are marked as old");
}
