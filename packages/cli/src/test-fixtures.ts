import type { CancelTimer, Clock } from "@muster/core";
import type { Agent, Command, Config, Group, OutputChunk, Run, RunCounts } from "@muster/core/resources";
import { ManualClock } from "@muster/testing";
import type { CliHost } from "./context.ts";
import type { TextSink } from "./terminal/terminal.ts";

const AT = "2026-01-01T00:00:00.000Z";

export function makeRun(parts: Partial<Run> = {}): Run {
  return {
    id: "run-1",
    commandId: "command-1",
    agentId: "agent-1",
    agentName: "web-1",
    status: "succeeded",
    reason: null,
    exitCode: 0,
    queuedAt: AT,
    deliveredAt: AT,
    startedAt: AT,
    finishedAt: AT,
    executionMs: 12,
    late: false,
    cancelRequested: false,
    stdoutBytes: 0,
    stderrBytes: 0,
    cutBytes: 0,
    outputDigest: null,
    ...parts,
  };
}

export function makeCounts(parts: Partial<RunCounts> = {}): RunCounts {
  return {
    queued: 0,
    delivered: 0,
    started: 0,
    succeeded: 0,
    failed: 0,
    timed_out: 0,
    cancelled: 0,
    expired: 0,
    rejected: 0,
    unknown: 0,
    ...parts,
  };
}

export function makeCommand(parts: Partial<Command> = {}): Command {
  return {
    id: "command-1",
    status: "running",
    statusReason: null,
    text: "uptime",
    argv: null,
    targets: { ids: [], selector: null, groups: [], all: true },
    timeoutMs: 30_000,
    expiresAt: AT,
    concurrency: null,
    failureBudget: null,
    envNames: [],
    cwd: null,
    user: null,
    createdAt: AT,
    createdBy: "admin",
    finishedAt: parts.status === "completed" ? AT : null,
    total: 1,
    counts: makeCounts(),
    ...parts,
  };
}

export function makeAgent(parts: Partial<Agent> = {}): Agent {
  return {
    id: "01900000-0000-7000-8000-000000000001",
    protocol: "node",
    externalId: "host-1",
    name: "web-1",
    hostname: "web-1.example.org",
    addresses: ["10.0.0.1"],
    os: "linux",
    arch: "x64",
    version: "0.1.0",
    labels: { role: "web" },
    details: {},
    capabilities: ["command", "output"],
    status: "online",
    statusReason: "it talks",
    statusSince: AT,
    firstSeenAt: AT,
    lastSeenAt: AT,
    connections: 1,
    clockSkewMs: 0,
    gauges: null,
    ...parts,
  };
}

export function makeGroup(parts: Partial<Group> = {}): Group {
  return {
    id: "g1",
    name: "web",
    description: "",
    selector: null,
    agentIds: [],
    agents: 1,
    tags: [],
    position: 0,
    createdAt: AT,
    ...parts,
  };
}

export function makeConfig(parts: Partial<Config> = {}): Config {
  return {
    id: "c1",
    name: "app",
    kind: "file",
    format: "text",
    description: "",
    agentType: "",
    expiresAt: null,
    revision: 3,
    groups: [],
    rolloutId: null,
    createdAt: AT,
    updatedAt: AT,
    updatedBy: "ann",
    ...parts,
  };
}

export function makeChunk(seq: number, text: string, stream: OutputChunk["stream"] = "stdout"): OutputChunk {
  return { seq, stream, at: AT, text };
}

/** Keeps what was written. */
export class RecordingSink implements TextSink {
  text = "";
  readonly isTTY: boolean;
  readonly columns = 80;
  readonly rows = 24;

  constructor(isTTY = false) {
    this.isTTY = isTTY;
  }

  write(text: string | Uint8Array): void {
    this.text += typeof text === "string" ? text : Buffer.from(text).toString("utf8");
  }
}

/** A process that tests can look into. */
export interface RecordingHost extends CliHost {
  readonly stdout: RecordingSink;
  readonly stderr: RecordingSink;
  interrupt(): void;
}

export function makeHost(environment: Record<string, string> = {}, clock: Clock = new ManualClock()): RecordingHost {
  const listeners = new Set<() => void>();
  return {
    environment: { HOME: "/nonexistent", ...environment },
    stdin: process.stdin,
    stdout: new RecordingSink(),
    stderr: new RecordingSink(),
    clock,
    version: "9.8.7",
    onInterrupt(listener): CancelTimer {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    interrupt: () => {
      for (const listener of listeners) listener();
    },
  };
}
