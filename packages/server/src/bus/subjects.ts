import { inputAnswerSchema, inputCallSchema } from "@muster/core/resources";
import { z } from "zod";

const id = z.string().max(200);
const ids = z.array(id).max(2000);

/**
 * Everything that server processes say to each other, and its shape. Every message is a hint: losing one delays
 * something until the next sweep, and nothing is lost. NATS subjects are `<prefix>.<topic>`, and for requests
 * `<prefix>.<topic>.<process>`.
 */
export const TOPICS = {
  /** Work may be waiting for these agents. */
  ring: z.object({ agents: ids }),
  /** These runs must be stopped, if their agents are here. */
  stop: z.object({ runs: z.array(z.object({ id, agent: z.number() })).max(2000) }),
  /** An agent has connected to the sender, or left it. The newest connection gets the work; `at` is when the sender's was opened. */
  presence: z.object({
    changes: z.array(z.object({ agent: id, here: z.boolean(), connections: z.number(), at: z.number() })).max(2000),
  }),
  /** The sender was away: everybody says anew which agents they hold. */
  roll_call: z.object({}),
  /** A process is dead and its agents were set right. */
  died: z.object({ process: id }),
  /** What happened, as ids; sent while somebody watches. */
  feed: z.object({
    events: z
      .array(
        z.discriminatedUnion("kind", [
          z.object({
            kind: z.literal("agent"),
            agentId: id,
            change: z.enum(["created", "status", "facts", "removed"]),
          }),
          z.object({ kind: z.literal("command"), commandId: id }),
          z.object({ kind: z.literal("run"), runId: id, commandId: id, agentId: id }),
          z.object({ kind: z.literal("output"), runId: id, commandId: id }),
          z.object({ kind: z.literal("inputs"), agentId: id }),
          z.object({ kind: z.literal("configs"), configId: id.nullable(), agentId: id.nullable() }),
        ]),
      )
      .max(2000),
  }),
  /** What agents should have was changed, and on which agents something failed or was forgiven. */
  configs: z.object({ epoch: z.number().int(), agents: z.array(z.number().int()).max(2000) }),
  /** What the sender's watchers want to see; repeated every few seconds, forgotten when it is not. */
  watch: z.object({ events: z.boolean(), allSamples: z.boolean(), agents: ids }),
  /** Newest readings that somebody watches. */
  samples: z.object({ samples: z.array(z.record(z.string(), z.unknown())).max(1000) }),
  /** Access was taken away. */
  access: z.object({ kind: z.enum(["user", "session", "token", "enrollment"]), id }),
  /** How many agents the sender holds, for the interval of beats. */
  size: z.object({ agents: z.number().int() }),
} as const;

export type Topic = keyof typeof TOPICS;
export type Message<Name extends Topic> = z.output<(typeof TOPICS)[Name]>;

/** Asked of one process, answered by it. Whoever gets no answer does without it, or tells its own caller so. */
export const REQUESTS = {
  /** The newest readings of agents that it holds. */
  readings: {
    ask: z.object({ agents: ids }),
    answer: z.object({ samples: z.array(z.record(z.string(), z.unknown())).max(2000) }),
  },
  /** Something to ask an agent that it holds. */
  call: {
    ask: z.object({ agent: id, call: inputCallSchema, timeoutMs: z.number().int().min(1).max(600_000) }),
    answer: z.discriminatedUnion("ok", [
      z.object({ ok: z.literal(true), answer: inputAnswerSchema }),
      z.object({ ok: z.literal(false), refusal: z.enum(["offline", "unsupported", "busy", "lost", "timeout"]) }),
    ]),
  },
} as const;

export type RequestName = keyof typeof REQUESTS;
export type Ask<Name extends RequestName> = z.output<(typeof REQUESTS)[Name]["ask"]>;
export type Answer<Name extends RequestName> = z.output<(typeof REQUESTS)[Name]["answer"]>;
