import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { delay, systemClock } from "@muster/core";
import type { Agent, Command, Page, Problem } from "@muster/core/resources";
import {
  compareLedger,
  makeTempDir,
  onEnd,
  type RunningServer,
  type Scope,
  startAgent,
  startServer,
  waitUntil,
} from "@muster/testing";

/** Only root may mount; elsewhere there is no honest way to fill a disk without filling the developer's. */
const cannotMount =
  process.platform !== "linux" || process.getuid?.() !== 0 ? "only root on Linux may mount a small disk" : false;

test("the disk is full: people are told so, agents stay, nothing acknowledged is lost, and it goes on when there is space", {
  timeout: 120_000,
  skip: cannotMount,
}, async (context) => {
  const disk = await mountSmallDisk(context, 24);
  const witness = join(await makeTempDir(context), "witness");
  writeFileSync(witness, "");
  const server = await startServer(context, { dataDir: disk, flags: ["--log-level", "warn"] });
  await startAgent(context, server, { id: "web-1" });
  const agent = await waitUntil(
    "the agent",
    async () => {
      const { items } = await server.call<Page<Agent>>("GET", "agents?status=online");
      return items[0];
    },
    { timeoutMs: 20_000 },
  );
  const acknowledged: string[] = [];
  const give = async (key: string) => {
    const answer = await post(server, agent.id, { key, witness });
    if (answer.status === 201 || answer.status === 200) acknowledged.push((JSON.parse(answer.text) as Command).id);
    return answer;
  };
  assert.equal((await give("before")).status, 201);

  const ballast = fill(disk);
  // what lies free in its files may take a few more
  const refused = await waitUntil(
    "a refusal",
    async () => {
      const answer = await give(`full-${acknowledged.length}`);
      return answer.status >= 400 && answer;
    },
    { timeoutMs: 60_000 },
  );
  const problem = JSON.parse(refused.text) as Problem;
  assert.deepEqual([refused.status, problem.code], [503, "unavailable"], server.process.describe());
  assert.match(problem.title + problem.detail, /disk|space/i);
  assert.ok(refused.retryAfter >= 1, "it says when to try again");
  // beats go on: nobody is cut off because a disk is full
  await delay(systemClock, 8000);
  assert.equal(server.process.exit, undefined, server.process.describe());
  assert.equal((await server.call<Agent>("GET", `agents/${agent.id}`)).status, "online");
  assert.equal((await fetch(`${server.url}/healthz`)).status, 200);

  rmSync(ballast);
  await waitUntil("a command to be taken again", async () => (await give("after")).status === 201, {
    timeoutMs: 20_000,
  });
  const outcome = await compareLedger({
    acknowledged,
    witness,
    settleMs: 30_000,
    call: (method, path) => fetch(`${server.url}/fleet/v1/${path}`, { method, headers: authorization(server) }),
  });
  const { lost, startedTwice, unfinished, contradictions, states } = outcome;
  assert.deepEqual(
    { lost, startedTwice, unfinished, contradictions, states },
    { lost: [], startedTwice: [], unfinished: [], contradictions: [], states: { succeeded: acknowledged.length } },
  );
  assert.equal(readFileSync(witness, "utf8").trim().split("\n").length, acknowledged.length);
});

/** A file system of so many MiB of its own, in memory. */
async function mountSmallDisk(scope: Scope, megabytes: number): Promise<string> {
  const folder = await makeTempDir(scope);
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${megabytes}m,mode=700`, "muster-chaos", folder]);
  onEnd(scope, () => void execFileSync("umount", ["--lazy", folder]));
  return folder;
}

/** Takes every last block. */
function fill(folder: string): string {
  const path = join(folder, "ballast");
  for (let size = statfsSync(folder).bsize * 256; size >= 1; size = Math.floor(size / 2)) {
    try {
      for (;;) writeFileSync(path, Buffer.alloc(size), { flag: "a" });
    } catch {
      if (!existsSync(path)) throw new Error("the disk takes nothing at all");
    }
  }
  return path;
}

async function post(server: RunningServer, agentId: string, how: { readonly key: string; readonly witness: string }) {
  const response = await fetch(`${server.url}/fleet/v1/commands`, {
    method: "POST",
    headers: { ...authorization(server), "content-type": "application/json", "idempotency-key": how.key },
    body: JSON.stringify({
      text: `echo "$MUSTER_RUN_ID" >> ${how.witness}; exit 0 # ${"x".repeat(20_000)}`,
      targets: { ids: [agentId] },
      expiresInMs: 60_000,
    }),
  });
  return {
    status: response.status,
    text: await response.text(),
    retryAfter: Number(response.headers.get("retry-after")),
  };
}

function authorization(server: RunningServer) {
  return { authorization: `Bearer ${server.apiToken}` };
}
