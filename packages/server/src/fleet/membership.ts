import { type Labels, matchesSelector, type Selector } from "@muster/core";

/** The group that everyone is in. It always exists, and its id is its name. */
export const DEFAULT_GROUP = "default";

export interface GroupTag {
  readonly name: string;
  readonly value: string;
}

/** A tag that an agent calls its own; some protocols have values only. */
export interface AgentTag {
  readonly name: string | null;
  readonly value: string;
}

/** Who is in a group: everyone, or who was added by hand, meets the selector, or carries one of the tags. */
export interface GroupRule {
  readonly id: string;
  readonly isEveryone: boolean;
  /** Null for none. */
  readonly selector: Selector | null;
  readonly tags: readonly GroupTag[];
}

/** What membership is decided by. */
export interface Described {
  readonly number: number;
  readonly labels: Labels;
  readonly tags: readonly AgentTag[];
}

interface Place {
  readonly rule: GroupRule;
  readonly order: number;
}

/**
 * Which groups an agent is in, from memory. Groups are found by what the agent carries, so that those which cannot match
 * cost nothing: an alternative of a selector is filed under a value or a key that it asks for, a tag under its words. Only
 * alternatives that ask for nothing (`!legacy`) are tried for everybody.
 */
export class Membership {
  /** In the order in which they merge. */
  readonly rules: readonly GroupRule[];
  readonly #byTag = new Map<string, Place[]>();
  readonly #byValue = new Map<string, Place[]>();
  readonly #byLabel = new Map<string, Place[]>();
  readonly #byKey = new Map<string, Place[]>();
  readonly #always: Place[] = [];
  readonly #byHand = new Map<number, Place[]>();

  /** `members`: who was added by hand. */
  constructor(rules: readonly GroupRule[], members: Iterable<{ readonly groupId: string; readonly number: number }>) {
    this.rules = rules;
    const places = new Map<string, Place>();
    for (const [order, rule] of rules.entries()) {
      const place = { rule, order };
      places.set(rule.id, place);
      this.#file(place);
    }
    for (const { groupId, number } of members) {
      const place = places.get(groupId);
      if (place) file(this.#byHand, number, place);
    }
  }

  /** In the order in which they merge: what a later one says, counts. */
  groupsOf(agent: Described): readonly GroupRule[] {
    const found = new Map<number, GroupRule>();
    const add = (places: readonly Place[] | undefined) => {
      for (const { rule, order } of places ?? []) found.set(order, rule);
    };
    const tryAll = (places: readonly Place[] | undefined) => {
      for (const place of places ?? [])
        if (!found.has(place.order) && isMet(place.rule, agent.labels)) found.set(place.order, place.rule);
    };
    add(this.#byHand.get(agent.number));
    for (const { name, value } of agent.tags)
      add(name === null ? this.#byValue.get(value) : this.#byTag.get(keyOf(name, value)));
    tryAll(this.#always);
    for (const [key, value] of Object.entries(agent.labels)) {
      add(this.#byTag.get(keyOf(key, value)));
      tryAll(this.#byLabel.get(keyOf(key, value)));
      tryAll(this.#byKey.get(key));
    }
    return [...found].sort(([left], [right]) => left - right).map(([, rule]) => rule);
  }

  #file(place: Place): void {
    const { isEveryone, selector, tags } = place.rule;
    for (const { name, value } of tags) {
      file(this.#byTag, keyOf(name, value), place);
      file(this.#byValue, value, place);
    }
    if (isEveryone || selector?.length === 0) this.#always.push(place);
    for (const terms of selector ?? []) {
      const exact = terms.find((term) => term.operator === "in");
      const present = terms.find((term) => term.operator === "exists");
      if (exact?.operator === "in")
        for (const value of new Set(exact.values)) file(this.#byLabel, keyOf(exact.key, value), place);
      else if (present) file(this.#byKey, present.key, place);
      else this.#always.push(place);
    }
  }
}

function isMet({ isEveryone, selector }: GroupRule, labels: Labels): boolean {
  return isEveryone || (selector !== null && matchesSelector(labels, selector));
}

function file<Key>(index: Map<Key, Place[]>, key: Key, place: Place): void {
  const places = index.get(key);
  if (places) places.push(place);
  else index.set(key, [place]);
}

function keyOf(name: string, value: string): string {
  return `${name}\n${value}`;
}
