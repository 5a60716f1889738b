import { spawn } from "node:child_process";
import { once } from "node:events";
import { type RunningServer, startAgent, waitUntil } from "@muster/testing";
import { formatMs, median, percentile } from "./support/numbers.ts";
import { describeServerProgram, MEASURED, startMusterServer } from "./support/servers.ts";
import type { Suite } from "./support/suite.ts";

interface Created {
  readonly id: string;
}

/** From asking for a command to knowing its result, with a real agent that starts a real process. */
export const commandRoundTrip: Suite = {
  title: "Command round trip",
  async run(context) {
    const count = context.quick ? 20 : 300;
    const server = await startMusterServer(context.scope);
    await startAgent(context.scope, server, { id: "bench", program: [MEASURED, "agent"] });
    await waitUntil("an agent online", async () => {
      const { items } = await server.call<{ items: { status: string }[] }>("GET", "agents");
      return items[0]?.status === "online";
    });
    const spawning: number[] = [];
    const accepting: number[] = [];
    const finishing: number[] = [];
    for (let index = 0; index < count; index++) {
      spawning.push(await time(() => spawnTrue()));
      const startedAt = performance.now();
      const command = await server.call<Created>("POST", "commands", { argv: ["true"], targets: { all: true } });
      accepting.push(performance.now() - startedAt);
      await followToEnd(server, command.id);
      finishing.push(performance.now() - startedAt);
    }
    const row = (name: string, values: readonly number[]) => [
      name,
      formatMs(median(values)),
      formatMs(percentile(values, 0.9)),
      formatMs(percentile(values, 0.99)),
    ];
    return {
      tables: [
        {
          title: `${count} times \`true\` on one agent, one after another`,
          columns: ["step", "p50", "p90", "p99"],
          rows: [
            row("spawning it from Node, without Muster", spawning),
            row("command accepted (stored on disk)", accepting),
            row("result known to the caller", finishing),
          ],
        },
      ],
      notes: [
        "The agent forces its journal to disk before it starts a run, the server its ledger at each step: the disk's flush is part of these times.",
        `Server and agent ran as ${describeServerProgram()}, on the same cores.`,
      ],
    };
  },
};

/** Follows the output of the command's only run; the stream ends with the run. */
async function followToEnd(server: RunningServer, commandId: string): Promise<void> {
  const { items } = await server.call<{ items: Created[] }>("GET", `commands/${commandId}/runs`);
  const response = await fetch(`${server.url}/fleet/v1/runs/${items[0]?.id}/output?follow=true`, {
    headers: { authorization: `Bearer ${server.apiToken}` },
  });
  await response.text();
}

async function spawnTrue(): Promise<void> {
  await once(spawn("true", { stdio: ["ignore", "pipe", "pipe"] }), "close");
}

async function time(task: () => Promise<void>): Promise<number> {
  const startedAt = performance.now();
  await task();
  return performance.now() - startedAt;
}
