import assert from "node:assert/strict";
import { test } from "node:test";
import type { Agent, Command, Page, Run } from "@muster/core/resources";
import {
  missingNats,
  missingPostgres,
  type RunningServer,
  startAgent,
  startNats,
  startPostgres,
  startServer,
  unlessMissing,
  waitUntil,
} from "@muster/testing";

const missing = missingPostgres() ?? missingNats();

test("two servers over PostgreSQL and NATS are one: an agent of one runs the other's commands and survives its death", {
  timeout: 240_000,
  ...unlessMissing(missing),
}, async (context) => {
  const [postgres, nats] = await Promise.all([startPostgres(context), startNats(context)]);
  const database = await postgres.createDatabase(context);
  const flags = ["--database", database, "--bus", nats.url, "--log-level", "warn"];
  const [left, right] = await Promise.all([startServer(context, { flags }), startServer(context, { flags })]);
  // it knows both and dials the right one first
  const agent = await startAgent(context, right, { id: "web-1", flags: ["--server", left.url] });
  const only = await waitUntil("the agent on the other server", () => findOnline(left, "web-1"), { timeoutMs: 30_000 });

  const output = await runAndRead(left, only.id, "echo one; echo two");
  assert.equal(output, "one\ntwo\n");
  const ready = (await (await fetch(`${left.url}/readyz`)).json()) as { checks: Record<string, string> };
  assert.equal(ready.checks.bus, "ok");

  await right.process.stop("SIGKILL");
  await waitUntil(
    "the agent on the server that is left",
    async () => (await runAndRead(left, only.id, "echo still here").catch(() => "")) === "still here\n",
    { timeoutMs: 60_000, everyMs: 500 },
  );
  assert.equal((await left.call<Page<Agent>>("GET", "agents")).items.length, 1);
  assert.equal(agent.process.exit, undefined);
});

async function findOnline(server: RunningServer, externalId: string): Promise<Agent | undefined> {
  const { items } = await server.call<Page<Agent>>("GET", "agents?status=online");
  return items.find((agent) => agent.externalId === externalId);
}

async function runAndRead(server: RunningServer, agentId: string, text: string): Promise<string> {
  const command = await server.call<Command>("POST", "commands", {
    text,
    targets: { ids: [agentId] },
    expiresInMs: 10_000,
  });
  const ended = await waitUntil(
    "the command to end",
    async () => {
      const now = await server.call<Command>("GET", `commands/${command.id}`);
      return now.finishedAt === null ? undefined : now;
    },
    { timeoutMs: 20_000, everyMs: 50 },
  );
  assert.equal(ended.counts.succeeded, 1);
  const { items } = await server.call<Page<Run>>("GET", `commands/${command.id}/runs`);
  const response = await fetch(`${server.url}/fleet/v1/runs/${items[0]?.id}/output`, {
    headers: { authorization: `Bearer ${server.apiToken}` },
  });
  return (await response.text())
    .trim()
    .split("\n")
    .map((line) => (JSON.parse(line) as { text: string }).text)
    .join("");
}
