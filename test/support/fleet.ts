import type { Agent, Command, CommandRequest, OutputChunk, Page, Run } from "@muster/core/resources";
import { FINAL_RUN_STATUSES } from "@muster/core/resources";
import { type RunningServer, waitUntil } from "@muster/testing";

/** The agent that calls itself `externalId`; undefined before it has ever connected. */
export async function findAgent(server: RunningServer, externalId: string): Promise<Agent | undefined> {
  const { items } = await server.call<Page<Agent>>("GET", "agents?limit=1000");
  return items.find((agent) => agent.externalId === externalId);
}

/** Waits until the agent has the given status. */
export function waitForAgent(
  server: RunningServer,
  externalId: string,
  status: Agent["status"] = "online",
): Promise<Agent> {
  return waitUntil(
    `${externalId} to be ${status}`,
    async () => {
      const agent = await findAgent(server, externalId);
      return agent?.status === status && agent;
    },
    { timeoutMs: 20_000, everyMs: 50, explain: () => server.process.describe() },
  );
}

/** Starts a shell command on one agent and answers its run. */
export async function submit(
  server: RunningServer,
  agent: Agent,
  text: string,
  more: Partial<CommandRequest> = {},
): Promise<Run> {
  const request: CommandRequest = { text, targets: { ids: [agent.id] }, ...more };
  const command = await server.call<Command>("POST", "commands", request);
  const { items } = await server.call<Page<Run>>("GET", `commands/${command.id}/runs`);
  const [run] = items;
  if (!run) throw new Error("a command for one agent has no run");
  return run;
}

export function getRun(server: RunningServer, run: Run): Promise<Run> {
  return server.call<Run>("GET", `runs/${run.id}`);
}

/** Waits until the run has one of the given states; by default any end. */
export function waitForRun(
  server: RunningServer,
  run: Run,
  statuses: readonly Run["status"][] = FINAL_RUN_STATUSES,
): Promise<Run> {
  return waitUntil(
    `run to be ${statuses.join(" or ")}`,
    async () => {
      const now = await getRun(server, run);
      return statuses.includes(now.status) && now;
    },
    { timeoutMs: 30_000, everyMs: 50, explain: () => server.process.describe() },
  );
}

/** Everything that is stored of what a run wrote on one stream. */
export async function readOutput(
  server: RunningServer,
  run: Run,
  stream: OutputChunk["stream"] = "stdout",
): Promise<string> {
  const response = await fetch(`${server.url}/fleet/v1/runs/${run.id}/output`, {
    headers: { authorization: `Bearer ${server.apiToken}` },
  });
  const lines = (await response.text()).split("\n").filter((line) => line !== "");
  const chunks = lines.map((line) => JSON.parse(line) as OutputChunk);
  return chunks
    .filter((chunk) => chunk.stream === stream)
    .map((chunk) => chunk.text ?? Buffer.from(chunk.base64 ?? "", "base64").toString())
    .join("");
}

/** Waits until a run has written something that matches. */
export function waitForOutput(server: RunningServer, run: Run, pattern: RegExp): Promise<RegExpExecArray> {
  return waitUntil(`output like ${pattern}`, async () => pattern.exec(await readOutput(server, run)), {
    timeoutMs: 15_000,
    everyMs: 50,
    explain: () => server.process.describe(),
  });
}

/** True while a process exists and is no zombie of a parent that has yet to notice. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
