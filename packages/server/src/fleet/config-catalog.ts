import type { Timestamp } from "@muster/core";
import type { ConfigFormat } from "@muster/core/resources";
import type { Selectable } from "kysely";
import type { ConfigsTable } from "../store/config-tables.ts";
import { type Queries, type Store, slices } from "../store/store.ts";
import type { WantedConfig } from "./config-delivery.ts";
import { isPlain } from "./config-variables.ts";
import { type GroupRule, Membership } from "./membership.ts";

/** A living config as the plan knows it. */
export interface PlannedConfig {
  readonly id: string;
  readonly name: string;
  readonly kind: string;
  readonly format: ConfigFormat;
  readonly description: string;
  readonly agentType: string;
  /** The newest. */
  readonly revision: number;
  readonly expiresAt: Timestamp | null;
}

/** The text of a revision, held once for all agents. */
export interface PlannedText {
  readonly configId: string;
  readonly revision: number;
  readonly text: string;
  readonly digest: string;
  readonly isPlain: boolean;
  /** What agents are offered of it, by the number under which they are: made when it is first asked for. */
  readonly entries: Map<number, WantedConfig>;
}

/** A group in the plan; groups merge by position, then by id. */
export interface PlannedGroup {
  readonly rule: GroupRule;
  readonly name: string;
  readonly position: number;
  /** Numbers of the agents that were added by hand. */
  readonly members: readonly number[];
}

/** A change of the catalog. What is put replaces what was of the same id. */
export type CatalogChange =
  | { readonly kind: "config"; readonly config: PlannedConfig }
  | { readonly kind: "config_gone"; readonly configId: string }
  | { readonly kind: "text"; readonly text: PlannedText }
  | { readonly kind: "assigned"; readonly configId: string; readonly groupId: string; readonly revision: number }
  | { readonly kind: "unassigned"; readonly configId: string; readonly groupId: string }
  | { readonly kind: "group"; readonly group: PlannedGroup }
  | { readonly kind: "group_gone"; readonly groupId: string }
  | { readonly kind: "secret"; readonly name: string; readonly value: string | null };

/** Texts that nobody is given any more are let go when there are more than this many characters of them. */
const IDLE_TEXT_CHARACTERS = 64 * 1024 * 1024;

/** Everything that decides what agents should have, in memory. Only `Configs` changes it. */
export class Catalog {
  /** Grows with every change here, and has nothing to do with the epoch of the database. */
  version = 0;
  readonly configs = new Map<string, PlannedConfig>();
  readonly byName = new Map<string, PlannedConfig>();
  readonly groups = new Map<string, PlannedGroup>();
  /** Per group the revision of each config. */
  readonly assignments = new Map<string, Map<string, number>>();
  readonly secrets = new Map<string, string>();
  readonly #texts = new Map<string, PlannedText>();
  #membership: Membership | undefined;

  get membership(): Membership {
    this.#membership ??= new Membership(
      this.groupsInOrder().map(({ rule }) => rule),
      [...this.groups.values()].flatMap(({ rule, members }) => members.map((number) => ({ groupId: rule.id, number }))),
    );
    return this.#membership;
  }

  groupsInOrder(): PlannedGroup[] {
    return [...this.groups.values()].sort(
      (left, right) => left.position - right.position || (left.rule.id < right.rule.id ? -1 : 1),
    );
  }

  text(configId: string, revision: number): PlannedText | undefined {
    return this.#texts.get(keyOf(configId, revision));
  }

  groupsWith(configId: string): { groupId: string; revision: number }[] {
    const found: { groupId: string; revision: number }[] = [];
    for (const [groupId, configs] of this.assignments) {
      const revision = configs.get(configId);
      if (revision !== undefined) found.push({ groupId, revision });
    }
    return found;
  }

  apply(change: CatalogChange): void {
    this.version++;
    switch (change.kind) {
      case "config": {
        const before = this.configs.get(change.config.id);
        if (before) for (const text of this.#texts.values()) if (text.configId === before.id) text.entries.clear();
        this.configs.set(change.config.id, change.config);
        this.byName.set(change.config.name, change.config);
        return;
      }
      case "config_gone": {
        const before = this.configs.get(change.configId);
        this.configs.delete(change.configId);
        if (before) this.byName.delete(before.name);
        for (const configs of this.assignments.values()) configs.delete(change.configId);
        for (const [key, text] of this.#texts) if (text.configId === change.configId) this.#texts.delete(key);
        return;
      }
      case "text":
        this.#texts.set(keyOf(change.text.configId, change.text.revision), change.text);
        return;
      case "assigned": {
        const configs = this.assignments.get(change.groupId) ?? new Map<string, number>();
        this.assignments.set(change.groupId, configs.set(change.configId, change.revision));
        return;
      }
      case "unassigned":
        this.assignments.get(change.groupId)?.delete(change.configId);
        return;
      case "group":
        this.groups.set(change.group.rule.id, change.group);
        this.#membership = undefined;
        return;
      case "group_gone":
        this.groups.delete(change.groupId);
        this.assignments.delete(change.groupId);
        this.#membership = undefined;
        return;
      case "secret":
        if (change.value === null) this.secrets.delete(change.name);
        else this.secrets.set(change.name, change.value);
    }
  }

  /** Replaces everything but texts, which never change. */
  replace(rows: {
    readonly configs: readonly PlannedConfig[];
    readonly groups: readonly PlannedGroup[];
    readonly assignments: readonly {
      readonly config_id: string;
      readonly group_id: string;
      readonly revision: number;
    }[];
    readonly secrets: ReadonlyMap<string, string>;
  }): void {
    this.version++;
    const kept = new Set(rows.configs.map(({ id }) => id));
    for (const id of [...this.configs.keys()]) if (!kept.has(id)) this.apply({ kind: "config_gone", configId: id });
    for (const config of rows.configs)
      if (!isSame(this.configs.get(config.id), config)) this.apply({ kind: "config", config });
    this.groups.clear();
    for (const group of rows.groups) this.groups.set(group.rule.id, group);
    this.#membership = undefined;
    this.assignments.clear();
    for (const { config_id, group_id, revision } of rows.assignments) {
      const configs = this.assignments.get(group_id) ?? new Map<string, number>();
      this.assignments.set(group_id, configs.set(config_id, revision));
    }
    this.secrets.clear();
    for (const [name, value] of rows.secrets) this.secrets.set(name, value);
  }

  /** Every revision that a group has. */
  *assigned(): Generator<Revision> {
    for (const configs of this.assignments.values())
      for (const [configId, revision] of configs) yield { configId, revision };
  }

  /** Lets go of texts that are neither given to a group nor in `needed`, when there are many. */
  forgetTexts(needed: Iterable<Revision>): void {
    const kept = new Set<string>();
    for (const { configId, revision } of [...this.assigned(), ...needed]) kept.add(keyOf(configId, revision));
    const idle = [...this.#texts].filter(([key]) => !kept.has(key));
    let characters = idle.reduce((sum, [, { text }]) => sum + text.length, 0);
    for (const [key, { text }] of idle) {
      if (characters <= IDLE_TEXT_CHARACTERS) return;
      characters -= text.length;
      this.#texts.delete(key);
    }
  }

  /** Which of these are not here yet; of configs that live. */
  missingTexts(needed: Iterable<Revision>, configs: ReadonlyMap<string, unknown> = this.configs): Revision[] {
    const missing = new Map<string, Revision>();
    for (const revision of needed) {
      const key = keyOf(revision.configId, revision.revision);
      if (!this.#texts.has(key) && configs.has(revision.configId)) missing.set(key, revision);
    }
    return [...missing.values()];
  }
}

export interface Revision {
  readonly configId: string;
  readonly revision: number;
}

export function toPlannedConfig(row: Selectable<ConfigsTable>): PlannedConfig {
  return {
    id: row.id,
    name: row.name,
    kind: row.kind,
    format: row.format as ConfigFormat,
    description: row.description,
    agentType: row.agent_type,
    revision: row.revision,
    expiresAt: row.expires_at,
  };
}

export function toPlannedText(row: {
  readonly config_id: string;
  readonly revision: number;
  readonly text: string;
  readonly digest: string;
}): PlannedText {
  return {
    configId: row.config_id,
    revision: row.revision,
    text: row.text,
    digest: row.digest,
    isPlain: isPlain(row.text),
    entries: new Map(),
  };
}

/** Reads texts; those that there are none of are left out. */
export async function readTexts(store: Store, revisions: readonly Revision[]): Promise<PlannedText[]> {
  const texts: PlannedText[] = [];
  for (const slice of slices(revisions, 2, store.dialect)) texts.push(...(await readSome(store.db, slice)));
  return texts;
}

async function readSome(queries: Queries, revisions: readonly Revision[]): Promise<PlannedText[]> {
  const rows = await queries
    .selectFrom("config_revisions")
    .select(["config_id", "revision", "text", "digest"])
    .where((where) =>
      where.or(
        revisions.map(({ configId, revision }) =>
          where.and([where("config_id", "=", configId), where("revision", "=", revision)]),
        ),
      ),
    )
    .execute();
  return rows.map(toPlannedText);
}

function isSame(left: PlannedConfig | undefined, right: PlannedConfig): boolean {
  return (
    left !== undefined && Object.entries(right).every(([name, value]) => left[name as keyof PlannedConfig] === value)
  );
}

function keyOf(configId: string, revision: number): string {
  return `${configId}/${revision}`;
}
