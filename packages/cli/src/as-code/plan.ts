import { MusterError } from "@muster/core";
import type { Config, ConfigCreate, ConfigEdit, ConfigKind, Group, GroupWrite } from "@muster/core/resources";
import { type DeclaredConfig, type DeclaredGroup, type Folder, folderError } from "./declared.ts";
import { compare, type ServerState } from "./server-state.ts";

/** One thing that has to be done so that a server has what a folder declares. Configs and groups are named. */
export type Step =
  | { readonly what: "create_group"; readonly group: string; readonly write: GroupWrite }
  | {
      readonly what: "change_group";
      readonly group: string;
      readonly id: string;
      readonly fields: readonly string[];
      readonly write: GroupWrite;
    }
  | { readonly what: "create_config"; readonly config: string; readonly write: ConfigCreate; readonly place: string }
  | {
      readonly what: "change_config";
      readonly config: string;
      readonly id: string;
      readonly fields: readonly string[];
      readonly change: ConfigEdit;
      readonly before: string;
      readonly place: string;
    }
  /** `revision` null: the newest one, also when it is yet to be written. */
  | { readonly what: "give"; readonly config: string; readonly group: string; readonly revision: number | null }
  | { readonly what: "take"; readonly config: string; readonly group: string }
  | { readonly what: "remove_config"; readonly config: string; readonly id: string }
  | { readonly what: "remove_group"; readonly group: string; readonly id: string };

/** What the server has, and what a plan has to ask it for. */
export interface PlanSource extends ServerState {
  readonly kinds: readonly ConfigKind[];
  /** The newest one. */
  textOf(config: Config): Promise<string>;
  /** An agent by id or name. */
  agentId(word: string): Promise<string>;
  /** Names of groups that a rollout under way gives the newest revision. */
  beingGiven(config: Config): Promise<readonly string[]>;
}

const DEFAULT_GROUP = "default";

/** The steps, in the order in which they can be done. Throws for what cannot be done. */
export async function planSteps(
  folder: Folder,
  source: PlanSource,
  { prune }: { readonly prune: boolean },
): Promise<Step[]> {
  const groups = await planGroups(folder.groups ?? [], source);
  const configs = await planConfigs(folder, source);
  return [...groups, ...configs, ...(prune ? planRemovals(folder, source) : [])];
}

async function planGroups(declared: readonly DeclaredGroup[], source: PlanSource): Promise<Step[]> {
  const steps: Step[] = [];
  for (const group of declared) {
    const agentIds: string[] = [];
    for (const word of group.agents) agentIds.push(await source.agentId(word));
    const { name, description, selector, position } = group;
    const tags = group.tags.map((tag) => ({ ...tag }));
    const write = { name, description, selector, tags, agentIds, ...(position !== undefined && { position }) };
    const before = source.groups.find((each) => each.name === name);
    if (!before) steps.push({ what: "create_group", group: name, write });
    else {
      const fields = changedFields(before, write);
      if (fields.length > 0) steps.push({ what: "change_group", group: name, id: before.id, fields, write });
    }
  }
  return steps;
}

function changedFields(before: Group, write: GroupWrite): string[] {
  const isOther = {
    description: before.description !== write.description,
    selector: (before.selector?.trim() || null) !== write.selector,
    tags: !sameSet(before.tags.map(tagText), (write.tags ?? []).map(tagText)),
    agents: !sameSet(before.agentIds, write.agentIds ?? []),
    position: write.position !== undefined && before.position !== write.position,
  };
  return Object.entries(isOther).flatMap(([field, differs]) => (differs ? [field] : []));
}

function tagText({ name, value }: { readonly name: string; readonly value: string }): string {
  return JSON.stringify([name, value]);
}

function sameSet(left: readonly string[], right: readonly string[]): boolean {
  const all = new Set(left);
  return all.size === new Set(right).size && right.every((item) => all.has(item));
}

async function planConfigs(folder: Folder, source: PlanSource): Promise<Step[]> {
  const known = new Set([...source.groups, ...(folder.groups ?? [])].map(({ name }) => name));
  const steps: Step[] = [];
  for (const declared of folder.configs ?? []) {
    const missing = declared.groups?.find(({ group }) => !known.has(group));
    if (missing)
      throw folderError(declared.place, `there is no group ${missing.group}, neither here nor on the server`);
    const before = source.configs.find(({ name }) => name === declared.name);
    const written = before ? await planChange(declared, before, source) : [planCreation(declared, source.kinds)];
    steps.push(...written, ...(await planGroupsOf(declared, before, { source, isNewText: written.length > 0 })));
  }
  return steps;
}

function planCreation(declared: DeclaredConfig, kinds: readonly ConfigKind[]): Step {
  const kind = kinds.find(({ id }) => id === declared.kind);
  if (!kind) {
    const known = kinds.map(({ id }) => id).join(", ");
    throw folderError(declared.place, `there is no kind ${declared.kind}; there are ${known}`);
  }
  if (declared.format !== undefined && !kind.formats.includes(declared.format))
    throw folderError(declared.place, `a config of kind ${kind.id} is ${kind.formats.join(" or ")}`);
  const { name, format, description, agentType, expiresAt, text, place } = declared;
  const write = {
    name,
    kind: kind.id,
    ...(format !== undefined && { format }),
    description,
    ...(agentType !== "" && { agentType }),
    ...(expiresAt !== null && { expiresAt }),
    text,
  };
  return { what: "create_config", config: name, write, place };
}

async function planChange(declared: DeclaredConfig, before: Config, source: PlanSource): Promise<Step[]> {
  const { name, kind, format, description, agentType, expiresAt, text, place } = declared;
  if (kind !== before.kind)
    throw folderError(
      place,
      `${name} is of kind ${before.kind} and stays so: remove it first, or give this another name`,
    );
  if (format !== undefined && format !== before.format)
    throw folderError(place, `${name} is ${before.format} and stays so: remove it first, or give this another name`);
  const old = await source.textOf(before);
  const change = {
    ...(text !== old && { text }),
    ...(description !== before.description && { description }),
    ...(agentType !== before.agentType && { agentType }),
    ...(expiresAt !== before.expiresAt && { expiresAt }),
  };
  const fields = Object.keys(change);
  if (fields.length === 0) return [];
  const edit = { ...change, baseRevision: before.revision };
  return [{ what: "change_config", config: name, id: before.id, fields, change: edit, before: old, place }];
}

async function planGroupsOf(
  declared: DeclaredConfig,
  before: Config | undefined,
  { source, isNewText }: { readonly source: PlanSource; readonly isNewText: boolean },
): Promise<Step[]> {
  const { name: config, groups } = declared;
  if (groups === undefined) return [];
  const has = new Map(before?.groups.map(({ name, revision }) => [name, revision]));
  const onItsWay = before && !isNewText && before.rolloutId !== null ? await source.beingGiven(before) : [];
  const steps: Step[] = [];
  for (const { group, revision } of groups) {
    const isGiven =
      revision === undefined
        ? !isNewText && (has.get(group) === before?.revision || onItsWay.includes(group))
        : has.get(group) === revision;
    if (!isGiven) steps.push({ what: "give", config, group, revision: revision ?? null });
  }
  for (const group of has.keys())
    if (!groups.some((each) => each.group === group)) steps.push({ what: "take", config, group });
  return steps;
}

/** What the server has and the folder, where it says anything of its kind, does not. */
function planRemovals(folder: Folder, source: ServerState): Step[] {
  const declared = new Set(folder.configs?.map(({ name }) => name));
  const configs = folder.configs ? source.configs.filter(({ name }) => !declared.has(name)) : [];
  const named = new Set([DEFAULT_GROUP, ...(folder.groups ?? []).map(({ name }) => name)]);
  const groups = folder.groups ? source.groups.filter(({ name }) => !named.has(name)) : [];
  const needed = (folder.configs ?? []).flatMap((config) => config.groups ?? []).map(({ group }) => group);
  const used = groups.find(({ name }) => needed.includes(name));
  if (used)
    throw new MusterError("failed_precondition", `the group ${used.name} is used by a config and not declared itself`);
  return [
    ...configs.map(({ id, name }): Step => ({ what: "remove_config", config: name, id })),
    ...groups
      .toSorted((left, right) => compare(left.name, right.name))
      .map(({ id, name }): Step => ({ what: "remove_group", group: name, id })),
  ];
}
