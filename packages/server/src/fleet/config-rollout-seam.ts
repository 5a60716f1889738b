import type { Queries } from "../store/store.ts";

/**
 * A revision on its way to some groups, as the plan reads it: agents that have begun want it, all others in these groups what
 * their groups have. Implemented by the rollouts, and handed to `Configs.useRollouts`.
 */
export interface RolloutOverride {
  readonly rolloutId: string;
  readonly configId: string;
  readonly revision: number;
  /** Ids of the groups that it goes to; they need not have the config yet. */
  readonly groups: ReadonlySet<string>;
  /** Whether the agent of this number was given the revision. From memory: it is asked at every beat. */
  hasBegun(agentNumber: number): boolean;
}

/**
 * All rollouts that have not ended. When anything here changes, say so by `Configs.rolloutsChanged`, which reads the texts
 * that are needed before agents are told. Whoever changes rollouts begins their transaction with `nextEpoch`, gives its
 * result to `rolloutsChanged`, and is asked to read them again by `reload` when another process did.
 */
export interface RolloutOverrides {
  /** The open rollout of a config; at most one is open. */
  rolloutFor(configId: string): RolloutOverride | undefined;
  /** All that give something, also those that were stopped before their groups got it; of one config the newest last. */
  open(): Iterable<RolloutOverride>;
  /** Another process may have changed rollouts. */
  reload(): Promise<void>;
  /** Part of a transaction that gives a revision to groups at once, or removes the config: a rollout of it ends. */
  supersede(queries: Queries, configId: string, by: string): Promise<void>;
}

export const NO_ROLLOUTS: RolloutOverrides = {
  rolloutFor: () => undefined,
  open: () => [],
  reload: async () => {},
  supersede: async () => {},
};
