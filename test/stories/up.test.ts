import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { MusterClient } from "@muster/sdk";
import { type LaunchedProcess, launchProcess, MUSTER, makeTempDir, type Scope, waitUntil } from "@muster/testing";
import { isAlive } from "../support/fleet.ts";

/** `muster up` as a newcomer starts it, and what it said. */
async function startUp(scope: Scope, dataDir: string) {
  const up = launchProcess(scope, { args: [MUSTER, "up", "--data-dir", dataDir, "--port", "0"], cwd: dataDir });
  const [, url = ""] = await up.waitForOutput(/Console +(http:\S+)/, 30_000);
  await up.waitForOutput(/Ctrl-C stops both/);
  return { up, url };
}

/** The processes that this one started. */
function childrenOf(pid: number): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, "utf8");
        return stat.slice(stat.lastIndexOf(")")).split(" ")[2] === String(pid);
      } catch {
        return false; // it has ended meanwhile
      }
    })
    .map(Number);
}

function waitForOnline(client: MusterClient, up: LaunchedProcess) {
  return waitUntil("this host to be online", async () => (await client.agents.list({ status: "online" })).items[0], {
    timeoutMs: 20_000,
    everyMs: 100,
    explain: () => up.describe(),
  });
}

test("one command brings a server and an agent, a password that works, and an end in order", async (t) => {
  const dataDir = await makeTempDir(t);
  const { up, url } = await startUp(t, dataDir);
  const [, password = ""] = await up.waitForOutput(/Log in +admin +(\S+)/);
  const [, apiToken = ""] = await up.waitForOutput(/API token +(mst_\w+)/);
  assert.match(up.stdout, /curl .*Bearer tkn_\w+.*install\.sh \| sh/);
  const { principal } = await new MusterClient({ baseUrl: url }).session.login("admin", password);
  assert.equal(principal.role, "admin");

  const client = new MusterClient({ baseUrl: url, token: apiToken });
  const agent = await waitForOnline(client, up);
  assert.ok(!up.output.includes("default-token"));

  const [first = 0] = childrenOf(up.pid);
  process.kill(first, "SIGKILL");
  await up.waitForOutput(/the agent ended \(SIGKILL\)/);
  await waitUntil("another agent", () => childrenOf(up.pid).some((pid) => pid !== first), { timeoutMs: 10_000 });
  assert.equal((await waitForOnline(client, up)).id, agent.id, "it is the same agent as before");

  const children = childrenOf(up.pid);
  const { code } = await up.stop("SIGTERM", 10_000);
  assert.equal(code, 0, up.describe());
  assert.deepEqual(children.filter(isAlive), []);

  const again = await startUp(t, dataDir);
  assert.doesNotMatch(again.up.output, /mst_|Log in/, "secrets are shown once");
  assert.equal((await again.up.stop("SIGINT", 10_000)).code, 0);
});

test("an agent whose muster up was killed does not stay behind", async (t) => {
  const { up } = await startUp(t, await makeTempDir(t));
  const children = await waitUntil("the agent", () => {
    const found = childrenOf(up.pid);
    return found.length > 0 && found;
  });
  await up.stop("SIGKILL");
  await waitUntil("the agent to end", () => !children.some(isAlive), { timeoutMs: 15_000 });
});
