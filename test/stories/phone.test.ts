import assert from "node:assert/strict";
import { test } from "node:test";
import { startAgent, startServer } from "@muster/testing";
import { openPage, sidewaysOverflow, skipWithoutBrowser } from "../support/browser.ts";
import { submit, waitForAgent, waitForRun } from "../support/fleet.ts";

test("every screen fits a phone of 390 pixels, in both languages", { skip: skipWithoutBrowser }, async (t) => {
  const server = await startServer(t);
  const id = `a-host-with-a-name-that-somebody-generated-${"x".repeat(60)}`;
  await startAgent(t, server, { id, labels: { environment: "production-europe-west", role: "web" } });
  const agent = await waitForAgent(server, id);
  const run = await submit(server, agent, `echo ${"long-line-".repeat(60)}`);
  await waitForRun(server, run);
  const paths = ["/", "/agents", "/agents/add", `/agents/${agent.id}`, "/commands", "/commands/new"];
  paths.push(`/commands/${run.commandId}`, `/runs/${run.id}`, "/groups", "/audit", "/settings");

  for (const locale of ["en-GB", "zh-CN"]) {
    const page = await openPage(t, { locale, viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
    await page.goto(server.url);
    await page.locator('input[name="username"]').fill("admin");
    await page.locator('input[name="password"]').fill(server.adminPassword);
    assert.equal(await sidewaysOverflow(page), 0, "/login");
    await page.locator('button[type="submit"]').click();
    await page.locator("nav").first().waitFor();
    for (const path of paths) {
      await page.goto(`${server.url}${path}`);
      await page.locator("h1, h2, [role=dialog]").first().waitFor();
      await page.waitForLoadState("networkidle").catch(() => {}); // the live stream may keep it busy
      assert.equal(await sidewaysOverflow(page), 0, `${path} in ${locale}`);
    }
  }
});

test("the console works over plain HTTP under a name, where browsers withhold what they keep for secure pages", {
  skip: skipWithoutBrowser,
}, async (t) => {
  const name = "http://muster.test";
  const server = await startServer(t, { port: 0 });
  await startAgent(t, server, { id: "one" });
  await waitForAgent(server, "one");
  await server.process.stop();
  const address = `${name}:${server.port}`;
  const again = await startServer(t, { dataDir: server.dataDir, port: server.port, flags: ["--public-url", address] });
  await waitForAgent(again, "one");

  const page = await openPage(t, {}, ["--host-resolver-rules=MAP muster.test 127.0.0.1"]);
  await page.goto(address);
  assert.equal(await page.evaluate("isSecureContext"), false);
  await page.getByLabel("User name").fill("admin");
  await page.getByRole("textbox", { name: "Password" }).fill(again.adminPassword);
  await page.getByRole("button", { name: "Log in" }).click();
  await page.getByRole("navigation", { name: "Main" }).waitFor();
  await page.goto(`${address}/commands/new`);
  await page.getByRole("textbox", { name: "Command" }).fill("echo plain $((40+2))");
  await page.getByText("Everyone", { exact: true }).click();
  await page.getByRole("button", { name: "Run on 1 agent" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Run on 1 agent" }).click();
  await page.getByText("plain 42", { exact: true }).waitFor();
  await page.goto(`${address}/agents/add`);
  await page.getByRole("button", { name: "Make the line" }).click();
  await page
    .getByRole("button", { name: /^Copy: / })
    .first()
    .click();
  await page.goto(`${address}/commands/new`);
  const command = page.getByRole("textbox", { name: "Command" });
  await command.press("Control+V");
  assert.ok((await command.inputValue()).includes(address), "the line of the page before was copied");
});
