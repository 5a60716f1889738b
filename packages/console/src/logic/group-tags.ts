import type { Group } from "@muster/core/resources";

export type GroupTag = Group["tags"][number];

/** The group that everyone is in. */
export const DEFAULT_GROUP = "default";

/** `name=value`, or a value alone for agents whose tags have no names. Undefined for what is neither. */
export function readTag(text: string): GroupTag | undefined {
  const at = text.indexOf("=");
  const name = at === -1 ? "" : text.slice(0, at).trim();
  const value = text.slice(at + 1).trim();
  if (at !== -1 && name === "") return undefined;
  if ((value === "" && at === -1) || name.length > 255 || value.length > 255) return undefined;
  return { name, value };
}

export function writeTag({ name, value }: GroupTag): string {
  return name === "" ? value : `${name}=${value}`;
}

/** In the order in which they decide: where two give the same config, the later one does. */
export function inOrder(groups: readonly Group[]): Group[] {
  return groups.toSorted((a, b) => a.position - b.position || (a.id < b.id ? -1 : 1));
}
