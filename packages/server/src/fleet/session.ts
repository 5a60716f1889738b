import type {
  AgentId,
  Capability,
  HostDetail,
  HostRow,
  HostValues,
  Labels,
  RunId,
  Timestamp,
  TokenId,
} from "@muster/core";
import type { InputAnswer, InputCall, InputInventory } from "@muster/core/resources";
import type { AgentState } from "./agent-state.ts";
import type { WantedConfig } from "./config-delivery.ts";
import type { AgentTag } from "./membership.ts";

/** One reading of a host: by name, or as a row, since naming each value of every beat would cost more than the rest of it. */
export interface AgentReading {
  /** By the clock of whoever measured. */
  readonly at: Timestamp;
  readonly values: HostValues | HostRow;
  readonly detail?: HostDetail;
}

/** What a door knows of an agent when it speaks for the first time, in the fleet's words. */
export interface AgentHello {
  /** The door's name: one external id belongs to one agent per protocol. */
  readonly protocol: string;
  readonly externalId: string;
  readonly capabilities: ReadonlySet<Capability>;
  readonly facts: AgentFacts;
  readonly remoteAddress: string;
  /** The enrolment token it came with; null where a door takes none. */
  readonly tokenId: TokenId | null;
  /** Silence after which it counts as stale; absent: three of the beats that the fleet announces. */
  readonly staleAfterMs?: number;
}

/** Facts an agent tells of itself; an absent one keeps what was known. */
export interface AgentFacts {
  readonly name?: string;
  readonly hostname?: string;
  readonly addresses?: readonly string[];
  readonly os?: string;
  readonly arch?: string;
  readonly version?: string;
  readonly labels?: Labels;
  /** Whatever else it tells, for people and for peers that ask in its protocol; replaces what was told before. */
  readonly details?: Readonly<Record<string, string>>;
  /** What groups may ask for beside labels; named ones become labels too, where their names can be keys. */
  readonly tags?: readonly AgentTag[];
  /** What kind of agent it calls itself, such as `ilogtail`. */
  readonly agentType?: string;
}

/**
 * The door's end of a session, which needs no socket: of an agent that polls the door keeps a session between its requests,
 * with `expectSilence` for its interval, `touch` at each of them, and `close` when it has been silent for too long; what it
 * is told meanwhile waits for its next request. The fleet calls these from its own turn; they must not throw and must not block.
 * None is called after `AgentSession.close`.
 */
export interface AgentPeer {
  /** Work may be waiting: call `session.take` when the connection can send. Repeats are harmless. */
  onWork(): void;
  /** Stop this run's process tree. Only called with the `cancel` capability. */
  onCancel(runId: RunId): void;
  /** Samples up to and including `through` (agent's clock) are stored. Only called with `backfill`. */
  onSamplesStored(through: Timestamp): void;
  /** The interval between beats that the fleet asks for has changed. */
  onBeatInterval(beatMs: number): void;
  /** Somebody begins or ceases to look at this host. True when beats carry its detail from here on, or cease to. */
  onWatched?(isWatched: boolean): boolean;
  /** The server goes away: connect again after this long. */
  onDrain(reconnectAfterMs: number): void;
  /** Ask the agent. What it answers goes to `AgentSession.answer` with the same id, in any order. Only called with `inputs`. */
  onCall?(callId: string, call: InputCall): void;
  /** Its configs have changed: all that it should have now. Called once the door has asked `ConfigDelivery.wantedFor`, which tells the beginning. */
  onConfigs?(wanted: readonly WantedConfig[]): void;
  /** The agent was deleted, or its token revoked: the connection must end. */
  onEvicted(reason: string): void;
}

/** One run to be carried out by an agent. */
export interface Delivery {
  readonly runId: RunId;
  readonly text: string | null;
  readonly argv: readonly string[] | null;
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string | null;
  readonly user: string | null;
  readonly timeoutMs: number;
  readonly expiresAt: Timestamp;
}

/** One piece of what a run wrote. `bytes` is empty and `cutBytes` positive where output was left out. */
export interface OutputPiece {
  readonly seq: number;
  readonly stream: "stdout" | "stderr";
  readonly at: Timestamp;
  readonly bytes: Uint8Array;
  readonly cutBytes: number;
}

/** How a run ended, as the agent tells it. */
export interface RunResult {
  readonly status: "succeeded" | "failed" | "timed_out" | "cancelled" | "rejected" | "unknown";
  readonly exitCode: number | null;
  readonly reason: string | null;
  readonly executionMs: number | null;
  readonly startedAt: Timestamp | null;
  /** Everything it wrote, from agents without the `output` capability; null where pieces carried it. */
  readonly output: { readonly stdout: Uint8Array; readonly stderr: Uint8Array } | null;
  readonly cutBytes: number;
  readonly digest: string | null;
}

/** A run in an agent's journal, told when it registers. */
export interface KnownRun {
  readonly runId: RunId;
  readonly state: "accepted" | "started" | "finished";
}

/** What the fleet answers to an agent's journal. */
export interface ResumeAnswer {
  readonly cancel: readonly RunId[];
  readonly forget: readonly RunId[];
  /** Per run the last stored piece of output, -1 for none. */
  readonly outputThrough: ReadonlyMap<RunId, number>;
}

/**
 * A connected agent, as its door sees it. Opened by `Sessions.open`, closed exactly once by the door, whatever happened.
 * Calls for one session are made in the order in which frames came. A result counts only for runs sent to this agent.
 */
export interface AgentSession {
  /** What `ConfigDelivery` asks for. */
  readonly state: AgentState;
  readonly agentId: AgentId;
  /** A small integer that names the agent for protocols that want one. */
  readonly agentNumber: number;
  readonly isNew: boolean;
  readonly beatMs: number;
  /** Samples up to this instant (agent's clock) are stored; null when none are. */
  readonly storedThrough: Timestamp | null;
  /** Takes over facts that came later (a register after heartbeats), and capabilities when given. */
  describe(facts: AgentFacts, capabilities?: ReadonlySet<Capability>): Promise<void>;
  /** Replaces the hello's `staleAfterMs`, for agents that beat in an interval of their own; undefined means three announced beats. */
  expectSilence(staleAfterMs: number | undefined): void;
  /** The agent's clock at this moment, to show its skew. */
  reportClock(agentNow: Timestamp): void;
  /** Tells the fleet what the agent's journal holds. Call it before the first `take` of an agent with `journal`. */
  resume(known: readonly KnownRun[]): Promise<ResumeAnswer>;
  /** Any sign of life. Never waits. */
  touch(): void;
  /**
   * A beat with a reading. Never waits. `store: false` shows it only, since it will come again in `backfill`.
   * Without the `backfill` capability `sample.at` is replaced by the server's clock.
   */
  heartbeat(sample: AgentReading | undefined, store: boolean): void;
  /** Samples kept while we were away, oldest first. Never waits; `AgentPeer.onSamplesStored` confirms them. */
  backfill(samples: readonly AgentReading[]): void;
  /** At most `limit` runs, marked delivered before they are returned; empty when none is waiting. */
  take(limit: number): Promise<readonly Delivery[]>;
  /** Stored when it resolves. Unknown or foreign runs are ignored. */
  reportStarted(runId: RunId, at: Timestamp | null): Promise<void>;
  /** Resolves with the last piece stored, once it is. */
  reportOutput(runId: RunId, pieces: readonly OutputPiece[]): Promise<number>;
  /** Stored when it resolves; a repeat or an unknown run resolves too and changes nothing. */
  reportFinished(runId: RunId, result: RunResult): Promise<void>;
  /** What the agent answered to `AgentPeer.onCall`. Late, repeated and unknown answers are ignored. */
  answer(callId: string, answer: InputAnswer): void;
  /** News of the agent's inputs that nobody asked for. Never waits. */
  reportInputs(inventory: InputInventory): void;
  /** The connection has ended. */
  close(reason: string): void;
}
