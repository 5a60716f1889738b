import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmod, mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import type { Agent, EnrollmentTokenCreated, Page } from "@muster/core/resources";
import { makeTempDir, waitUntil } from "@muster/testing";
import { startServer } from "./main.ts";

const run = promisify(execFile);

test("one copied line adds this host from the server alone, and running it again replaces the agent", async (context) => {
  const dir = await makeTempDir(context);
  const home = join(dir, "home");
  await mkdir(join(home, "bin"), { recursive: true });
  const argv = ["--port", "0", "--data-dir", join(dir, "server"), "--log-level", "silent"];
  const server = await startServer({ argv, environment: {} });
  context.after(() => server.close());
  const api = async <Answer>(path: string, init: RequestInit = {}) => {
    const headers = { authorization: `Bearer ${server.firstRun?.apiToken}`, "content-type": "application/json" };
    return (await (await fetch(`${server.baseUrl}/fleet/v1${path}`, { ...init, headers })).json()) as Answer;
  };
  const created = await api<EnrollmentTokenCreated>("/enrollment-tokens", {
    method: "POST",
    body: JSON.stringify({ name: "hosts" }),
  });
  // the script must believe that it is nobody special, whoever runs the tests
  await writeFile(join(home, "bin/id"), "#!/bin/sh\necho 1000\n");
  await chmod(join(home, "bin/id"), 0o755);
  const env = {
    HOME: home,
    PATH: `${join(home, "bin")}:${dirname(process.execPath)}:${process.env.PATH ?? ""}`,
    MUSTER_DATA_DIR: join(home, "data"),
    MUSTER_ID: "install-test",
  };
  const installed = join(home, ".local/share/muster");
  const readPid = async () => Number(await readFile(join(installed, "agent.pid"), "utf8").catch(() => "0"));
  const pids = new Set<number>();
  // the pids are kept here, since the folder may be gone when this is called
  context.after(() => {
    for (const pid of pids) killIfAlive(pid);
  });
  for (let round = 0; round < 2; round++) {
    const { stdout } = await run("sh", ["-c", created.installLine], { env });
    assert.match(stdout, /the agent runs in the background/);
    pids.add(await readPid());
    await waitUntil(
      "the agent online",
      async () => {
        const { items } = await api<Page<Agent>>("/agents");
        return items.length === 1 && items[0]?.externalId === "install-test" && items[0].status === "online";
      },
      { timeoutMs: 15_000 },
    );
  }
  assert.equal(pids.size, 2);
  assert.equal((await stat(join(installed, "agent.env"))).mode & 0o077, 0);
  const listed = await api<Page<{ id: string; agents: number }>>("/enrollment-tokens");
  assert.equal(listed.items.find((token) => token.id === created.id)?.agents, 1);
});

function killIfAlive(pid: number): void {
  try {
    if (pid > 1) process.kill(pid, "SIGKILL");
  } catch {
    // it has ended by itself, or was replaced by the second round
  }
}
