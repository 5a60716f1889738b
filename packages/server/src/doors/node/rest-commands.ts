import type { RunId } from "@muster/core";
import type { CommandSpec, OutputChunk, RunWithCommand } from "@muster/core/resources";
import { CODE_MESSAGES, type WireCommandResult, WORDS } from "@muster/protocols/node";
import type { Identity } from "../../fleet/access.ts";
import type { NodeDoorParts } from "./parts.ts";
import { type RestCall, RestFailure, type RestRoute, readPage } from "./rest-call.ts";
import { getNode } from "./rest-nodes.ts";
import {
  isWireCommandStatus,
  numberOfRun,
  toWireCommand,
  toWireCommandStatus,
  toWireTimeOf,
} from "./wire-resources.ts";

/** The routes that the seed's design names and its code never had, in the shapes of that design. */
export const COMMAND_ROUTES: readonly RestRoute[] = [
  {
    method: "POST",
    path: "/api/v1/nodes/:id/commands",
    action: "commands.create",
    alwaysToken: true,
    audited: "commands.create",
    handle: createCommand,
  },
  { method: "GET", path: "/api/v1/nodes/:id/commands", action: "commands.read", handle: listCommandsOfNode },
  { method: "GET", path: "/api/v1/commands", action: "commands.read", handle: listCommands },
  { method: "GET", path: "/api/v1/commands/:commandId", action: "commands.read", handle: showCommand },
  { method: "GET", path: "/api/v1/system/stats", action: "agents.read", handle: readSystemStats },
];

const DEFAULT_TIMEOUT_S = 30;
const MAX_TIMEOUT_S = 86_400;
const MAX_TEXT = 65_536;
/** How long an agent that is away may take to come and fetch it. */
const EXPIRES_MS = 3_600_000;
/** Runs that a list looks through; older ones are found by their id. */
const MAX_WALK = 10_000;
const PAGE = 1000;
/** A result carries at most this much of each stream. */
const MAX_OUTPUT = 1024 * 1024;

async function createCommand(call: RestCall): Promise<unknown> {
  const { text, timeoutS } = readCommandBody(call.request.body);
  const agent = await getNode(call);
  if (!agent.capabilities.includes("command")) {
    throw new RestFailure({ message: WORDS.cannotRun, code: "VALIDATION_ERROR", details: { id: [WORDS.cannotRun] } });
  }
  const spec: CommandSpec = {
    text,
    targets: { ids: [agent.id], groups: [], all: false },
    timeoutMs: timeoutS * 1000,
    expiresInMs: EXPIRES_MS,
    concurrency: null,
    failureBudget: null,
    env: {},
    cwd: null,
    user: null,
  };
  const { command } = await call.parts.fleet.commands.create(spec, { actor: nameActor(call.identity) });
  const runs = await call.parts.fleet.commands.listRuns(command.id, { limit: 1 });
  return { command_id: runs.items[0]?.id, status: "pending", message: WORDS.commandSent };
}

/** As the audit log writes it. */
export function nameActor(identity: Identity | null): string {
  return identity ? `${identity.principal.kind}:${identity.principal.name}` : "anonymous";
}

function readCommandBody(body: Uint8Array): { text: string; timeoutS: number } {
  const problems: Record<string, string[]> = {};
  const fields = parseObject(body);
  if (!fields) throw invalid({ body: ["expected a JSON object"] });
  const { command_text: text, timeout = DEFAULT_TIMEOUT_S } = fields;
  if (typeof text !== "string" || text.trim() === "") problems.command_text = ["expected a text that is not empty"];
  else if (text.length > MAX_TEXT) problems.command_text = [`longer than ${MAX_TEXT} characters`];
  const isTimeout =
    typeof timeout === "number" && Number.isInteger(timeout) && timeout >= 1 && timeout <= MAX_TIMEOUT_S;
  if (!isTimeout && timeout !== null) problems.timeout = [`expected whole seconds from 1 to ${MAX_TIMEOUT_S}`];
  if (Object.keys(problems).length > 0) throw invalid(problems);
  return { text: String(text), timeoutS: isTimeout ? timeout : DEFAULT_TIMEOUT_S };
}

function invalid(details: Readonly<Record<string, string[]>>): RestFailure {
  return new RestFailure({ message: WORDS.invalidRequest, code: "VALIDATION_ERROR", details });
}

function parseObject(body: Uint8Array): Record<string, unknown> | undefined {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(body).toString("utf8"));
    return typeof parsed === "object" && parsed !== null && !Array.isArray(parsed)
      ? (parsed as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined; // not JSON: the caller says so in the seed's shape
  }
}

async function showCommand(call: RestCall): Promise<unknown> {
  const run = await call.parts.fleet.commands.findRun(call.path.commandId ?? "");
  if (!run) throw new RestFailure({ message: WORDS.commandNotFound, code: "COMMAND_NOT_FOUND" });
  return describeCommand(call.parts, run, await findNodeId(call.parts, run.agentId));
}

async function describeCommand(parts: NodeDoorParts, run: RunWithCommand, nodeId: string) {
  const command = toWireCommand(run, nodeId);
  const shown = { command, result: run.finishedAt === null ? null : await readResult(parts, run) };
  if (command.status !== "timeout") return shown;
  return { ...shown, error: describeTimeout(run) };
}

/** What a command that ran out of time, or that nobody can say the end of, is answered with. */
export function describeTimeout(run: { readonly id: string; readonly reason: string | null }) {
  const details = run.reason === null ? run.id : `${run.id}: ${run.reason}`;
  return { error_code: "COMMAND_TIMEOUT", message: CODE_MESSAGES.COMMAND_TIMEOUT, details } as const;
}

const TIMED_OUT = 124;

async function readResult(parts: NodeDoorParts, run: RunWithCommand): Promise<WireCommandResult | null> {
  if (run.status === "expired") return null;
  const { stdout, stderr } = await readStreams(parts, run.id as RunId);
  const exitCode = run.status === "timed_out" ? (run.exitCode ?? TIMED_OUT) : run.exitCode;
  return {
    id: numberOfRun(run.id),
    command_id: run.id,
    stdout,
    // the seed has no other place for the reason why there is no output
    stderr: stderr === "" ? (run.reason ?? "") : stderr,
    exit_code: exitCode,
    execution_time_ms: run.executionMs,
    created_at: toWireTimeOf(run.finishedAt ?? run.queuedAt),
  };
}

async function readStreams(parts: NodeDoorParts, runId: RunId): Promise<{ stdout: string; stderr: string }> {
  const streams = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
  const sizes = { stdout: 0, stderr: 0 };
  let after = -1;
  for (;;) {
    const { chunks } = await parts.fleet.commands.readOutput(runId, after, 500);
    const last = chunks.at(-1);
    if (!last) break;
    after = last.seq;
    for (const chunk of chunks) {
      if (sizes[chunk.stream] >= MAX_OUTPUT) continue;
      const bytes = toBytes(chunk);
      sizes[chunk.stream] += bytes.length;
      streams[chunk.stream].push(bytes);
    }
  }
  return {
    stdout: Buffer.concat(streams.stdout).toString("utf8"),
    stderr: Buffer.concat(streams.stderr).toString("utf8"),
  };
}

function toBytes(chunk: OutputChunk): Buffer {
  if (chunk.cutBytes !== undefined) return Buffer.from(`\n[… ${chunk.cutBytes} bytes …]\n`);
  return chunk.text !== undefined ? Buffer.from(chunk.text, "utf8") : Buffer.from(chunk.base64 ?? "", "base64");
}

async function listCommandsOfNode(call: RestCall): Promise<unknown> {
  const { limit, offset } = readPage(call.request.query, 20);
  const agent = await getNode(call);
  const status = call.request.query.get("status");
  const runs = await walkRuns(call.parts, { agentId: agent.id, status });
  const commands = [];
  for (const run of runs.slice(offset, offset + Math.min(limit, 100))) {
    commands.push(await describeCommand(call.parts, run, agent.externalId));
  }
  return { commands, total: runs.length };
}

async function listCommands(call: RestCall): Promise<unknown> {
  const { query } = call.request;
  const { limit, offset } = readPage(query, 50);
  const nodeId = query.get("node_id");
  const agent = nodeId ? await getNode({ ...call, path: { id: nodeId } }) : undefined;
  const runs = await walkRuns(call.parts, { agentId: agent?.id, status: query.get("status") });
  const commands = [];
  for (const run of runs.slice(offset, offset + limit)) {
    commands.push(toWireCommand(run, await findNodeId(call.parts, run.agentId)));
  }
  return { commands, total: runs.length };
}

/** Runs, newest first; a status of the seed's covers several of ours, so the choice is made here. */
async function walkRuns(
  parts: NodeDoorParts,
  filter: { readonly agentId: string | undefined; readonly status: string | null },
): Promise<RunWithCommand[]> {
  const { status, agentId } = filter;
  if (status && !isWireCommandStatus(status)) return [];
  const runs: RunWithCommand[] = [];
  let cursor: string | undefined;
  let walked = 0;
  do {
    const page = await parts.fleet.commands.listAllRuns({
      limit: PAGE,
      ...(agentId === undefined ? {} : { agentId }),
      ...(cursor === undefined ? {} : { cursor }),
    });
    for (const run of page.items) if (!status || toWireCommandStatus(run.status) === status) runs.push(run);
    walked += page.items.length;
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined && walked < MAX_WALK);
  return runs;
}

async function findNodeId(parts: NodeDoorParts, agentId: string): Promise<string> {
  return (await parts.fleet.agents.find(agentId))?.externalId ?? "";
}

async function readSystemStats({ parts }: RestCall): Promise<unknown> {
  const counts = await parts.fleet.agents.counts();
  const runs = await parts.fleet.commands.runTotals();
  return {
    total_nodes: counts.total,
    online_nodes: counts.online,
    total_commands: runs.total,
    pending_commands: runs.waiting,
    system_uptime: Math.floor(parts.uptimeMs() / 1000),
  };
}
