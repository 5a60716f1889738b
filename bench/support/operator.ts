import { delay, systemClock } from "@muster/core";
import type { RunningServer } from "@muster/testing";
import { formatMs, percentile } from "./numbers.ts";

/** How long calls and commands took, in ms. */
export interface Seen {
  readonly calls: readonly number[];
  readonly commands: readonly number[];
}

/** What an operator's calls and commands take until `task` is done, and at least one of each. Ids of accepted commands go to `acknowledged`. */
export async function watchOperator(
  server: RunningServer,
  task: () => Promise<void>,
  acknowledged = new Set<string>(),
): Promise<Seen> {
  const seen = { calls: [] as number[], commands: [] as number[] };
  const state = { over: false };
  const calling = async () => {
    while (!state.over || seen.calls.length === 0) {
      seen.calls.push(await time(() => callOnce(server)));
      await delay(systemClock, 50);
    }
  };
  const commanding = async () => {
    while (!state.over || seen.commands.length === 0) {
      const took = await time(() => runOnce(server, acknowledged));
      seen.commands.push(took);
    }
  };
  const watching = Promise.all([calling(), commanding()]);
  try {
    await task();
  } finally {
    state.over = true;
  }
  await watching;
  return seen;
}

/** Over a connection of its own, so that getting in is part of it. */
async function callOnce(server: RunningServer): Promise<void> {
  const response = await fetch(`${server.url}/fleet/v1/agents?limit=50`, {
    headers: { authorization: `Bearer ${server.apiToken}`, connection: "close" },
  });
  await response.arrayBuffer();
  if (!response.ok) throw new Error(`an operator was refused with ${response.status}`);
}

/** By a selector that names the one real agent; the stream of the output ends with the run. */
async function runOnce(server: RunningServer, acknowledged: Set<string>): Promise<void> {
  const agents = await server.call<{ items: { id: string; externalId: string }[] }>("GET", "agents?filter=operated");
  const id = agents.items.find((agent) => agent.externalId === "operated")?.id ?? "";
  const command = await server.call<{ id: string }>("POST", "commands", { argv: ["true"], targets: { ids: [id] } });
  acknowledged.add(command.id);
  const { items } = await server.call<{ items: { id: string }[] }>("GET", `commands/${command.id}/runs`);
  const output = await fetch(`${server.url}/fleet/v1/runs/${items[0]?.id}/output?follow=true`, {
    headers: { authorization: `Bearer ${server.apiToken}` },
  });
  await output.arrayBuffer();
}

async function time(task: () => Promise<void>): Promise<number> {
  const startedAt = performance.now();
  await task();
  return performance.now() - startedAt;
}

/** A row of a table: p50, p99 and maximum of both, and how many there were. */
export function operatorRow(name: string, { calls, commands }: Seen): string[] {
  const three = (values: readonly number[]) => [0.5, 0.99, 1].map((share) => formatMs(percentile(values, share)));
  return [name, ...three(calls), ...three(commands), `${calls.length}, ${commands.length}`];
}
