import { hash } from "node:crypto";
import type { Clock } from "@muster/core";
import type { AgentState, AgentTraits } from "./agent-state.ts";
import type { Catalog, PlannedConfig, PlannedText } from "./config-catalog.ts";
import type { WantedConfig } from "./config-delivery.ts";
import { whyUnable } from "./config-kinds.ts";
import {
  type ConfigMemory,
  type Decision,
  NOTHING_WANTED,
  newMemory,
  type Outcome,
  type Truth,
} from "./config-memory.ts";
import { NO_ROLLOUTS, type RolloutOverride, type RolloutOverrides } from "./config-rollout-seam.ts";
import { fillIn } from "./config-variables.ts";
import type { GroupRule } from "./membership.ts";

/** Who a plan is made for: an agent that is connected, or one that was read from the store. */
export interface PlannedAgent {
  readonly number: number;
  readonly id: string;
  readonly capabilities: ReadonlySet<string>;
  readonly traits: AgentTraits;
}

/** More agents than this with wishes of their own share no lists; a bound for texts that are filled in for each. */
const MAX_SHARED = 10_000;

/** Decides, from memory alone, what agents should have. */
export class ConfigPlan {
  readonly #clock: Clock;
  readonly #catalog: Catalog;
  /** Agents that want the same share one list. */
  readonly #shared = new Map<string, readonly WantedConfig[]>();
  #rollouts: RolloutOverrides = NO_ROLLOUTS;
  #rolloutsByGroup: Map<string, RolloutOverride[]> | undefined;
  #rolloutsVersion = 0;

  constructor(parts: { readonly clock: Clock; readonly catalog: Catalog }) {
    this.#clock = parts.clock;
    this.#catalog = parts.catalog;
  }

  get rollouts(): RolloutOverrides {
    return this.#rollouts;
  }

  useRollouts(rollouts: RolloutOverrides): void {
    this.#rollouts = rollouts;
    this.rolloutsChanged();
  }

  rolloutsChanged(): void {
    this.#rolloutsVersion++;
    this.#rolloutsByGroup = undefined;
  }

  /** Grows with everything that may change what somebody wants. */
  get version(): number {
    return this.#catalog.version + this.#rolloutsVersion;
  }

  /** The agent's memory, brought up to date. True in `changed` when it wants something else than before. */
  refresh(state: AgentState): { memory: ConfigMemory; changed: boolean } {
    state.configs ??= newMemory(state.traits, new Map());
    const memory = state.configs;
    const isFresh =
      memory.version === this.version && memory.traits === state.traits && this.#clock.now() < memory.validUntil;
    if (isFresh) return { memory, changed: false };
    memory.version = this.version;
    const { membership } = this.#catalog;
    if (memory.membership !== membership || memory.traits !== state.traits) {
      memory.groups = membership.groupsOf({ number: state.number, ...state.traits });
      memory.membership = membership;
      memory.traits = state.traits;
    }
    const before = memory.wanted;
    this.#decide(state, memory);
    return { memory, changed: memory.wanted !== before };
  }

  groupsOf(agent: PlannedAgent): readonly GroupRule[] {
    return this.#catalog.membership.groupsOf({ number: agent.number, ...agent.traits });
  }

  /** What the groups and rollouts give to an agent, whether it can take it or not, in the order in which it merges. */
  decisions(agentNumber: number, groups: readonly GroupRule[]): Map<string, Decision> {
    const found = new Map<string, Decision>();
    const give = (configId: string, decision: Decision) => {
      found.delete(configId); // so that it comes in the order of the group that decides
      found.set(configId, decision);
    };
    for (const { id: groupId } of groups) {
      for (const [configId, revision] of this.#catalog.assignments.get(groupId) ?? [])
        give(configId, { groupId, revision });
      for (const { configId, revision, hasBegun } of this.#byGroup().get(groupId) ?? [])
        if (hasBegun(agentNumber) && revision > (this.#catalog.assignments.get(groupId)?.get(configId) ?? 0))
          give(configId, { groupId, revision });
    }
    return found;
  }

  /** Why an agent cannot take a config; null when it can. */
  whyUnable(agent: Pick<PlannedAgent, "capabilities" | "traits">, config: PlannedConfig): string | null {
    return whyUnable({ capabilities: agent.capabilities, agentType: agent.traits.agentType }, config);
  }

  /** A revision filled in for an agent. */
  render(agent: PlannedAgent, text: PlannedText): { text: string; digest: string } | { reason: string } {
    if (text.isPlain) return text;
    const { id, traits } = agent;
    const filled = fillIn(text.text, {
      labels: traits.labels,
      agent: { id, name: traits.name, hostname: traits.hostname },
      secret: (name) => this.#catalog.secrets.get(name),
    });
    return filled.ok ? { text: filled.text, digest: hash("sha256", filled.text, "hex") } : { reason: filled.reason };
  }

  #byGroup(): Map<string, RolloutOverride[]> {
    if (this.#rolloutsByGroup) return this.#rolloutsByGroup;
    const index = new Map<string, RolloutOverride[]>();
    for (const rollout of this.#rollouts.open())
      for (const group of rollout.groups) index.set(group, [...(index.get(group) ?? []), rollout]);
    this.#rolloutsByGroup = index;
    return index;
  }

  #decide(state: AgentState, memory: ConfigMemory): void {
    const now = this.#clock.now();
    memory.validUntil = Number.POSITIVE_INFINITY;
    memory.outcomes.clear();
    const entries: WantedConfig[] = [];
    for (const [configId, decision] of this.decisions(state.number, memory.groups)) {
      const config = this.#catalog.configs.get(configId);
      if (!config || this.whyUnable(state, config) !== null) continue;
      if (config.expiresAt !== null && config.expiresAt <= now) continue;
      if (config.expiresAt !== null) memory.validUntil = Math.min(memory.validUntil, config.expiresAt);
      const outcome = this.#outcome(state, memory, { config, decision });
      memory.outcomes.set(configId, outcome);
      if (outcome.offered) entries.push(outcome.offered);
    }
    memory.wanted = this.#share(memory.wanted, entries);
  }

  /** What the agent is offered of a config: nothing while it has no revision that is any good for it. */
  #outcome(
    state: AgentState,
    memory: ConfigMemory,
    { config, decision }: { config: PlannedConfig; decision: Decision },
  ): Outcome {
    const truth = memory.truths.get(config.id);
    const offer = (revision: number) => {
      const text = this.#catalog.text(config.id, revision);
      return text ? this.#offer(state, memory, { config, text, truth }) : { reason: null };
    };
    const hasFailed = truth?.failedRevision === decision.revision;
    const first = hasFailed ? { reason: null } : offer(decision.revision);
    if (!("reason" in first)) return { ...decision, reason: null, ...first, offeredRevision: decision.revision };
    const good = truth?.applied ?? null;
    const second = good === null || good === decision.revision ? first : offer(good);
    const { reason } = first;
    if ("reason" in second) {
      // a text that is being read yet must not look like a config that is gone
      const isAway = good !== null && this.#catalog.text(config.id, good) === undefined;
      const kept = isAway ? memory.wanted.find((entry) => entry.configId === config.id) : undefined;
      return { ...decision, reason, offered: kept, offeredRevision: kept ? good : null };
    }
    return { ...decision, reason, ...second, offeredRevision: good };
  }

  /** `offered` is undefined where the agent has to let go of what it has first. */
  #offer(
    state: AgentState,
    memory: ConfigMemory,
    { config, text, truth }: { config: PlannedConfig; text: PlannedText; truth: Truth | undefined },
  ): { offered: WantedConfig | undefined } | { reason: string } {
    const rendered = this.render(state, text);
    if ("reason" in rendered) return rendered;
    const held = truth?.held ?? null;
    const isHeld = held !== null && truth?.digest === rendered.digest;
    // protocols that only know growing numbers would take a smaller one for the same: it has to go first
    const mustGo = held !== null && !isHeld && held > text.revision && !state.capabilities.has("verdict");
    if (mustGo) return { offered: undefined };
    const number = isHeld ? held : text.revision;
    if (text.isPlain) {
      const shared = text.entries.get(number) ?? toEntry(config, number, text);
      text.entries.set(number, shared);
      return { offered: shared };
    }
    const before = memory.wanted.find((entry) => entry.configId === config.id);
    const entry = toEntry(config, number, rendered);
    return { offered: before && isSameEntry(before, entry) ? before : entry };
  }

  /** The list that was, or that others have, where it is the same. */
  #share(before: readonly WantedConfig[], entries: readonly WantedConfig[]): readonly WantedConfig[] {
    if (entries.length === 0) return NOTHING_WANTED;
    if (before.length === entries.length && entries.every((entry, index) => entry === before[index])) return before;
    const key = entries.map((entry) => `${entry.configId}/${entry.revision}`).join(" ");
    const shared = this.#shared.get(key);
    if (shared?.every((entry, index) => entry === entries[index])) return shared;
    if (this.#shared.size >= MAX_SHARED) this.#shared.clear();
    this.#shared.set(key, entries);
    return entries;
  }
}

function toEntry(config: PlannedConfig, revision: number, what: { text: string; digest: string }): WantedConfig {
  return {
    configId: config.id,
    name: config.name,
    kind: config.kind,
    format: config.format,
    description: config.description,
    agentType: config.agentType,
    revision,
    text: what.text,
    digest: what.digest,
    expiresAt: config.expiresAt,
  };
}

function isSameEntry(left: WantedConfig, right: WantedConfig): boolean {
  return Object.entries(right).every(([name, value]) => left[name as keyof WantedConfig] === value);
}
