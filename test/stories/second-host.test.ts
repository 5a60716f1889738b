import assert from "node:assert/strict";
import { chown, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { Agent, EnrollmentTokenCreated, Page } from "@muster/core/resources";
import { launchProcess, makeTempDir, onEnd, startServer, waitUntil } from "@muster/testing";
import { isAlive, readOutput, submit, waitForRun } from "../support/fleet.ts";

/** `nobody`: the installer of an ordinary user touches that user's home only, and no service manager. */
const NOBODY = 65_534;

test("a host joins with one copied line, from its own server and with nothing else", async (t) => {
  const server = await startServer(t);
  const token = await server.call<EnrollmentTokenCreated>("POST", "enrollment-tokens", { name: "second host" });
  const home = await makeTempDir(t);
  const asRoot = process.getuid?.() === 0;
  if (asRoot) await chown(home, NOBODY, NOBODY);
  const folder = join(home, ".local/share/muster");
  onEnd(t, async () => {
    const pid = Number(await readFile(join(folder, "agent.pid"), "utf8").catch(() => "0"));
    if (pid > 0 && isAlive(pid)) process.kill(pid, "SIGTERM");
    await waitUntil("the installed agent to end", () => pid === 0 || !isAlive(pid), { timeoutMs: 12_000 });
  });

  const installer = launchProcess(t, {
    command: "/bin/sh",
    args: ["-c", token.installLine],
    cwd: home,
    // a host's usual folders: its own Node is taken when it will do, and the server's is fetched when not
    env: { HOME: home, PATH: "/usr/local/bin:/usr/bin:/bin" },
    ...(asRoot ? { uid: NOBODY } : {}),
  });
  assert.equal((await installer.exited).code, 0, installer.describe());

  const agent = await waitUntil(
    "the new host to be online",
    async () => {
      const { items } = await server.call<Page<Agent>>("GET", "agents");
      return items.find((candidate) => candidate.status === "online");
    },
    { timeoutMs: 20_000, everyMs: 100, explain: () => installer.describe() },
  );
  const run = await submit(server, agent, "echo joined as $(id -un)");
  assert.equal((await waitForRun(server, run)).status, "succeeded");
  assert.match(await readOutput(server, run), asRoot ? /joined as nobody/ : /joined as /);
  assert.doesNotMatch(installer.output, new RegExp(token.token), "the installer does not print the token");
});

test("a token that nobody made gets neither the script nor the agent", async (t) => {
  const server = await startServer(t);
  for (const path of ["install.sh", "install/agent.mjs", "install/node"]) {
    for (const authorization of [undefined, `Bearer tkn_${"0".repeat(32)}`]) {
      const headers = authorization === undefined ? {} : { authorization };
      const response = await fetch(`${server.url}/fleet/v1/${path}`, { headers });
      assert.equal(response.status, 401, `${path} with ${authorization}`);
      await response.body?.cancel();
    }
  }
});
