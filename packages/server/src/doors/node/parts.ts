import type { Clock, HostValues, RunId } from "@muster/core";
import type {
  Agent,
  AgentCounts,
  AgentListQuery,
  Command,
  CommandSpec,
  LatestSample,
  MetricAnswer,
  OutputChunk,
  Run,
  RunWithCommand,
} from "@muster/core/resources";
import type { Access } from "../../fleet/access.ts";
import type { ConfigDelivery } from "../../fleet/config-delivery.ts";
import type { Feed } from "../../fleet/feed.ts";
import type { AgentHello, AgentPeer, AgentSession } from "../../fleet/session.ts";

/** What this door asks of the fleet, and nothing else. `Fleet` has this shape. */
export interface NodeDoorFleet {
  readonly agents: {
    find(id: string): Promise<Agent | undefined>;
    findByExternalId(protocol: string, externalId: string): Promise<Agent | undefined>;
    numberOf(id: string): number | undefined;
    list(
      query: AgentListQuery & { protocol?: string },
    ): Promise<{ items: Agent[]; nextCursor: string | null; total: number }>;
    counts(): AgentCounts | Promise<AgentCounts>;
    remove(id: string): Promise<void>;
    markSilentOffline(olderThanMs: number, protocol: string): number | Promise<number>;
  };
  readonly sessions: {
    open(hello: AgentHello, peer: AgentPeer): Promise<AgentSession>;
    connectionCount(protocol?: string): number;
  };
  readonly configs: Pick<ConfigDelivery, "wantedFor" | "report">;
  readonly commands: {
    create(spec: CommandSpec, by: { actor: string }): Promise<{ command: Command }>;
    listRuns(commandId: string, query: { limit: number }): Promise<{ items: Run[] }>;
    listAllRuns(query: {
      limit: number;
      cursor?: string | undefined;
      agentId?: string | undefined;
    }): Promise<{ items: RunWithCommand[]; nextCursor: string | null }>;
    findRun(id: string): Promise<RunWithCommand | undefined>;
    readOutput(runId: RunId, after: number, limit: number): Promise<{ chunks: OutputChunk[]; ended: boolean }>;
    runTotals(): Promise<{ total: number; waiting: number }>;
  };
  readonly metrics: {
    latest(agentId: string): LatestSample | undefined;
    query(query: {
      agentId: string;
      names?: readonly string[];
      from: number;
      to: number;
      maxPoints: number;
    }): Promise<MetricAnswer>;
    listSamples(query: {
      agentId: string;
      from?: number;
      to?: number;
      limit: number;
      offset: number;
    }): Promise<{ items: { id: number; at: number; values: HostValues }[]; total: number }>;
    storageCounts(): Promise<{ total: number; last24h: number; earliestAt: number | null; latestAt: number | null }>;
  };
  readonly feed: Pick<Feed, "subscribe" | "wantSamples">;
}

/** What this door asks of access control. */
export type NodeDoorAccess = Pick<
  Access,
  "authenticate" | "checkEnrollment" | "isEnrollmentGood" | "revocations" | "audit"
>;

/** Where the door writes its log. A pino logger has this shape. */
export interface NodeDoorLog {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

export interface NodeDoorOptions {
  readonly fleet: NodeDoorFleet;
  readonly access: NodeDoorAccess;
  readonly clock: Clock;
  readonly log: NodeDoorLog;
  /** True where the operator opened the door to addresses: the REST routes then need no token for reading and deleting. */
  readonly restOpen?: boolean;
  /** Between TERM and KILL. */
  readonly graceMs?: number;
  /** Kept per stream of a run. */
  readonly outputLimitBytes?: number;
}

/** What the door has done since it was made; for metrics and tests. */
export interface NodeDoorCounters {
  connections: number;
  monitors: number;
  /** Handshakes without a good token. */
  tokensRefused: number;
  framesReceived: number;
  framesRefused: number;
  /** Acknowledgements and errors that were not sent since the peer did not read what came before. */
  repliesDropped: number;
  /** Messages that came while more than a connection's share was waiting for the store. */
  framesDropped: number;
  /** Pushes that a slow monitor missed. */
  pushesSkipped: number;
  /** Registrations that wait for the store now. */
  registering: number;
}

/** What the files of this door share. */
export interface NodeDoorParts {
  readonly fleet: NodeDoorFleet;
  readonly access: NodeDoorAccess;
  readonly clock: Clock;
  readonly log: NodeDoorLog;
  readonly counters: NodeDoorCounters;
  readonly restOpen: boolean;
  readonly graceMs: number;
  readonly outputLimitBytes: number;
  /** The time as RFC 3339; made once per millisecond, since acknowledgements ask thousands of times a second. */
  timestamp(): string;
  /** Since the door was made. */
  uptimeMs(): number;
}

/** The name under which this door's agents are known: one external id belongs to one agent per protocol. */
export const PROTOCOL = "node";

export const DOOR_LIMITS = {
  /** Above this an acknowledgement is dropped: the peer has unread messages anyway. */
  replyBufferBytes: 256 * 1024,
  /** Above this no further command is sent. */
  workBufferBytes: 64 * 1024,
  /** What one connection may have waiting for the store. */
  pendingBytes: 32 * 1024 * 1024,
  /** Texts of configs in one frame, written as JSON; one text may be larger than that. */
  configTextBytes: 4 * 1024 * 1024,
  /** Messages that may wait while an agent is being registered. */
  queuedFrames: 1000,
  /** Node ids that one connection may speak for. */
  idsPerConnection: 100,
  /** Runs taken at once. How many may be unfinished with one agent is the fleet's decision. */
  batch: 8,
  undecodableInARow: 10,
  monitors: 1000,
  /** Nodes in one nodes_update, the newest ones. */
  monitorNodes: 10_000,
} as const;

/** Silence after which an agent that is not ours counts as stale: three of its own intervals, and never less than this. */
export const FOREIGN_STALE_MS = 180_000;
