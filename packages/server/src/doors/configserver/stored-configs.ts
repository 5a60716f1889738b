import { hasCode } from "@muster/core";
import type { Config } from "@muster/core/resources";
import { DEFAULT_GROUP } from "@muster/protocols/configserver";
import type { ConfigServerFleet } from "./parts.ts";

/** A config as users of ConfigServer see it. */
export interface StoredConfig {
  readonly id: string;
  readonly name: string;
  readonly kind: string;
  readonly agentType: string;
  readonly description: string;
  readonly revision: number;
  readonly text: string;
  readonly groups: readonly string[];
}

/** A group as users of ConfigServer see it. */
export interface StoredGroup {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly tags: readonly { readonly name: string; readonly value: string }[];
}

/** Rows of a list that are read together. */
const PAGE = 200;
/** Texts that are read at the same time. */
const TEXTS_AT_ONCE = 16;

/** Undefined also for a config of another kind: to this protocol there is none. */
export async function findConfig(
  fleet: ConfigServerFleet,
  name: string,
  kinds: readonly string[],
): Promise<StoredConfig | undefined> {
  const config = await findMeta(fleet, name, kinds);
  return config && withText(fleet, config);
}

/** The same without its text. */
export async function findMeta(
  { configs }: ConfigServerFleet,
  name: string,
  kinds: readonly string[],
): Promise<Config | undefined> {
  if (name.includes("\0")) return undefined; // no database has one
  const config = await configs.get(name).catch(ifNotFound);
  return config && config.name === name && kinds.includes(config.kind) ? config : undefined;
}

/** By name. */
export async function listConfigs(fleet: ConfigServerFleet, kinds: readonly string[]): Promise<StoredConfig[]> {
  const found: Config[] = [];
  let cursor: string | undefined;
  do {
    const page = await fleet.configs.list({ limit: PAGE, ...(cursor !== undefined && { cursor }) });
    found.push(...page.items.filter((config) => kinds.includes(config.kind)));
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined);
  const texts: StoredConfig[] = [];
  for (let start = 0; start < found.length; start += TEXTS_AT_ONCE)
    texts.push(
      ...(await Promise.all(found.slice(start, start + TEXTS_AT_ONCE).map((config) => withText(fleet, config)))),
    );
  return texts.sort(byName);
}

async function withText({ configs }: ConfigServerFleet, config: Config): Promise<StoredConfig> {
  const { text } = await configs.revision(config.id, config.revision);
  const { id, name, kind, agentType, description, revision } = config;
  return { id, name, kind, agentType, description, revision, text, groups: config.groups.map((group) => group.name) };
}

export async function findGroup({ groups }: ConfigServerFleet, name: string): Promise<StoredGroup | undefined> {
  if (name.includes("\0")) return undefined;
  const row = await groups.findByName(name);
  return row && toGroup({ ...row, tags: JSON.parse(row.tags) as StoredGroup["tags"] });
}

/** By name. */
export async function listGroups({ groups }: ConfigServerFleet): Promise<StoredGroup[]> {
  return (await groups.listAll()).map(toGroup).sort(byName);
}

/** Keeps what ConfigServer knows nothing of: the selector, and who was added by hand. */
export async function changeGroup(
  { groups }: ConfigServerFleet,
  id: string,
  write: Pick<StoredGroup, "description" | "tags">,
): Promise<void> {
  await groups.describe(id, { description: write.description, tags: [...write.tags] });
}

function toGroup({ id, name, description, tags }: StoredGroup): StoredGroup {
  const isBare = name === DEFAULT_GROUP.name && description === "";
  return { id, name, tags, description: isBare ? DEFAULT_GROUP.description : description };
}

/** In the order of their bytes, as the original's store has them. */
export function byName(left: { readonly name: string }, right: { readonly name: string }): number {
  return Buffer.compare(Buffer.from(left.name), Buffer.from(right.name));
}

export function ifNotFound(error: unknown): undefined {
  if (hasCode(error, "not_found")) return undefined;
  throw error;
}
