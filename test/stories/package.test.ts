import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { launchProcess, makeTempDir, startAgent, startServer, waitUntil } from "@muster/testing";
import { submit, waitForAgent, waitForRun } from "../support/fleet.ts";
import { repository } from "../support/sources.ts";

/** What a user types to install Muster from an archive, into a folder of its own. */
test("the archive of npm pack installs on its own and runs server, agent and command line", async (t) => {
  const folder = await makeTempDir(t);
  const npm = async (...args: string[]) => {
    // npm may find its registry by variables of this machine
    const env = Object.fromEntries(Object.entries(process.env).map(([name, value]) => [name, value ?? ""]));
    const launched = launchProcess(t, { command: "npm", args: [...args, "--loglevel=error"], cwd: repository, env });
    await waitUntil("npm to end", () => launched.exit, { timeoutMs: 90_000, explain: () => launched.describe() });
    assert.equal(launched.exit?.code, 0, launched.describe());
  };
  await npm("pack", "-w", "muster", "--pack-destination", folder);
  const archive = join(folder, readdirSync(folder).find((name) => name.endsWith(".tgz")) ?? "");
  const prefix = join(folder, "prefix");
  await npm("install", "--global", "--prefix", prefix, "--ignore-scripts", "--no-audit", "--no-fund", archive);

  // Node is named, since the one that a shell finds on this machine may be too old
  const muster = join(prefix, "bin/muster");
  const version = launchProcess(t, { args: [muster, "--version"], cwd: folder });
  assert.equal((await version.exited).code, 0, version.describe());
  assert.match(version.stdout, /\d+\.\d+\.\d+/);

  const server = await startServer(t, { program: [muster, "server"] });
  await startAgent(t, server, { id: "packed", program: [muster, "agent"] });
  const agent = await waitForAgent(server, "packed");
  assert.equal((await waitForRun(server, await submit(server, agent, "true"))).status, "succeeded");
  const page = await fetch(server.url, { headers: { accept: "text/html" } });
  assert.match(await page.text(), /<script[^>]+src="\/assets\//, "the console is in the archive");
  const cli = launchProcess(t, {
    args: [muster, "agents", "--json"],
    cwd: folder,
    env: { HOME: folder, MUSTER_SERVER: server.url, MUSTER_API_TOKEN: server.apiToken },
  });
  assert.equal((await cli.exited).code, 0, cli.describe());
  assert.match(cli.stdout, /"packed"/);
});
