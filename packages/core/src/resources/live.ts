import { z } from "zod";
import type { Agent, AgentCounts } from "./agents.ts";
import type { Command, OutputChunk, Run } from "./commands.ts";
import type { LatestSample } from "./metrics.ts";

/**
 * The live stream (`/fleet/v1/live`, WebSocket, JSON text frames). A client subscribes under a number of its own;
 * every event carries that number. First comes the present state, then changes. `fleet` conflates to the newest
 * state per agent; a reader too slow for that is told how much it missed with `lagged` and gets the state again.
 */
export const liveRequestSchema = z.discriminatedUnion("op", [
  /** Counts by status, and agents as they change. `agentIds` narrows `agent` events to the rows on screen. */
  z.strictObject({ op: z.literal("fleet"), sub: z.number().int(), agentIds: z.array(z.string()).max(1000).optional() }),
  /** Every sample of one agent as it arrives, with details, and word of its inputs. */
  z.strictObject({ op: z.literal("agent"), sub: z.number().int(), agentId: z.string() }),
  /** A command, its counts, and its runs as they change; with `output` also what they write. */
  z.strictObject({
    op: z.literal("command"),
    sub: z.number().int(),
    commandId: z.string(),
    output: z.boolean().default(false),
  }),
  /** What one run wrote after chunk `after`, then what it writes. */
  z.strictObject({
    op: z.literal("output"),
    sub: z.number().int(),
    runId: z.string(),
    after: z.number().int().min(-1).default(-1),
  }),
  /** Commands as they are created and as their status or counts change. */
  z.strictObject({ op: z.literal("commands"), sub: z.number().int() }),
  /** Word of configs and rollouts that change. */
  z.strictObject({ op: z.literal("configs"), sub: z.number().int() }),
  z.strictObject({ op: z.literal("stop"), sub: z.number().int() }),
  z.strictObject({ op: z.literal("ping") }),
]);
export type LiveRequest = z.input<typeof liveRequestSchema>;

export type LiveEvent =
  | { event: "hello"; version: string }
  | { event: "pong" }
  | { event: "counts"; sub: number; counts: AgentCounts }
  | { event: "agent"; sub: number; agent: Agent }
  | { event: "agent_removed"; sub: number; agentId: string }
  | { event: "sample"; sub: number; sample: LatestSample }
  /** The agent's inputs have changed, or may have: read them again. */
  | { event: "inputs"; sub: number; agentId: string }
  /** These configs, their rollouts or what agents make of them may have changed: read them again; null for any of them. */
  | { event: "configs"; sub: number; configIds: string[] | null }
  | { event: "command"; sub: number; command: Command }
  | { event: "run"; sub: number; run: Run }
  | { event: "output"; sub: number; runId: string; chunks: OutputChunk[] }
  /** The run has ended and everything it wrote was sent. */
  | { event: "output_end"; sub: number; runId: string }
  | { event: "lagged"; sub: number; dropped: number }
  | { event: "error"; sub: number | null; code: string; message: string }
  /** The subscription can be used; sent once after the present state. */
  | { event: "ready"; sub: number };
