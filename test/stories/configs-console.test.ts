import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { makeTempDir, type RunningServer, startAgent, startServer, waitUntil } from "@muster/testing";
import type { Page } from "playwright-core";
import { openPage, sidewaysOverflow, skipWithoutBrowser } from "../support/browser.ts";
import { waitForAgent } from "../support/fleet.ts";

async function logIn(page: Page, server: RunningServer): Promise<void> {
  await page.goto(server.url);
  await page.locator('input[name="username"]').fill("admin");
  await page.locator('input[name="password"]').fill(server.adminPassword);
  await page.locator('button[type="submit"]').click();
  await page.locator("nav").first().waitFor();
}

/** Replaces the whole text of the editor. */
async function write(page: Page, text: string): Promise<void> {
  const editor = page.locator(".cm-content");
  await editor.click();
  await page.keyboard.press("Control+A");
  await page.keyboard.insertText(text);
}

test("a config is written, seen before it is given, given in waves, changed, given at once and rolled back", {
  skip: skipWithoutBrowser,
}, async (t) => {
  const server = await startServer(t);
  const folders = [await makeTempDir(t), await makeTempDir(t)];
  for (const [index, dataDir] of folders.entries()) {
    await startAgent(t, server, { id: `edge-${index + 1}`, dataDir, labels: { zone: `z${index + 1}` } });
    await waitForAgent(server, `edge-${index + 1}`);
  }
  const textsOnHosts = () =>
    folders.map((folder) => {
      try {
        return readFileSync(join(folder, "configs/motd"), "utf8");
      } catch {
        return undefined;
      }
    });
  const waitForTexts = (wanted: readonly string[]) =>
    waitUntil(`the hosts to have ${wanted}`, () => JSON.stringify(textsOnHosts()) === JSON.stringify(wanted), {
      timeoutMs: 20_000,
    });
  const page = await openPage(t);
  await logIn(page, server);

  await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Configs" }).click();
  await page.getByRole("heading", { name: "No configs yet" }).waitFor();
  await page.getByRole("link", { name: "New config" }).first().click();
  await page.getByRole("textbox", { name: "Name", exact: true }).fill("motd");
  await page.getByRole("combobox", { name: "Kind" }).click();
  await page.getByRole("option", { name: "File" }).click();
  await page.locator(".cm-content").waitFor();
  await write(page, `zone \${label.zon`);
  await page.getByText(/Line 1, column 6: no agent can fill in/).waitFor();
  await write(page, `zone \${label.zone}`);
  await page.getByText(/no agent can fill in/).waitFor({ state: "detached" });
  await page.getByRole("button", { name: /^Create config/ }).click();
  await page.getByRole("heading", { name: "motd" }).waitFor();
  await page.getByText("Revision 1 is saved; no agent has it yet").waitFor();

  await page.getByRole("link", { name: "Give revision 1" }).click();
  await page.getByRole("heading", { name: "Nobody is meant yet" }).waitFor();
  await page.getByRole("combobox", { name: "Groups" }).click();
  await page.getByRole("option", { name: /^default/ }).click();
  await page.getByText("2 agents get another text").waitFor();
  await page.getByText("The group default is everyone").waitFor();
  await page.getByRole("textbox", { name: "Waves" }).fill("1");
  await page.getByRole("textbox", { name: "Healthy for" }).fill("0");
  await page.getByText("1 + 1 agents").waitFor();
  assert.deepEqual(textsOnHosts(), [undefined, undefined], "what is only planned changes nothing");
  await page.getByRole("button", { name: "Give revision 1 to 2 agents" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Begin" }).click();
  await page.getByRole("heading", { name: "motd, revision 1" }).waitFor();
  await page.getByText("2 of 2 applied").waitFor();
  await waitForTexts(["zone z1", "zone z2"]);
  await page.getByRole("button", { name: "Pause" }).waitFor({ state: "detached" });

  await page.goto(`${server.url}/configs/motd`);
  await page.getByText("label.zone").first().waitFor();
  await page.locator(".cm-content").waitFor();
  await write(page, "closed\n");
  await page.getByRole("textbox", { name: "Why, for the history" }).fill("for the holidays");
  await page.keyboard.press("Control+s");
  await page.getByText("Revision 2 is saved; no agent has it yet").waitFor();
  await page.getByRole("link", { name: "Revisions" }).click();
  await page.getByRole("grid", { name: "Revisions" }).getByText("for the holidays").waitFor();
  await page.locator(".cm-merge-b .cm-changedLine").first().waitFor();
  await page.getByRole("link", { name: "Give revision 2" }).first().click();
  await page.getByText("All at once").click();
  await page.getByRole("button", { name: "Give revision 2 to 2 agents" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Begin" }).click();
  await waitForTexts(["closed\n", "closed\n"]);
  await page.getByText("2 of 2 applied").waitFor();

  await page.getByRole("button", { name: "Roll back" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Roll back" }).click();
  await page.getByText("Rolled back").first().waitFor();
  await waitForTexts(["zone z1", "zone z2"]);

  await page.goto(`${server.url}/configs/motd/agents`);
  const agents = page.getByRole("grid", { name: "Agents" });
  await agents.getByRole("row").filter({ hasText: "edge-1" }).getByText("Applied").waitFor();
  await agents.getByRole("link", { name: "edge-2" }).click();
  await page.getByRole("grid", { name: "Configuration" }).getByText("motd").waitFor();

  await page.setViewportSize({ width: 390, height: 844 });
  for (const path of ["configs", "configs/motd/revisions", "configs/motd/groups", "configs/motd/give"]) {
    await page.goto(`${server.url}/${path}`);
    await page.locator("h1").waitFor();
    assert.equal(await sidewaysOverflow(page), 0, path);
  }
});

test("a secret is set under settings and fills a config, and its value is nowhere to be read", {
  skip: skipWithoutBrowser,
}, async (t) => {
  const server = await startServer(t);
  const page = await openPage(t);
  await logIn(page, server);
  await page.goto(`${server.url}/settings/secrets`);
  await page.getByRole("button", { name: "Set a secret" }).click();
  const form = page.getByRole("dialog");
  await form.getByRole("textbox", { name: "Name" }).fill("log-token");
  await form.getByLabel("Value", { exact: true }).fill("hunter2");
  await form.getByRole("button", { name: "Store" }).click();
  await page.getByText(`\${secret.log-token}`).waitFor();
  await page.getByText("no config asks for it").waitFor();
  assert.ok(!(await page.content()).includes("hunter2"));
  await server.call("POST", "configs", { name: "shipper", kind: "file", text: `token = \${secret.log-token}` });
  await page.reload();
  await page.getByText("asked for by shipper").waitFor();
  assert.equal(await page.getByRole("button", { name: "Remove" }).count(), 0, "what is asked for stays");
});
