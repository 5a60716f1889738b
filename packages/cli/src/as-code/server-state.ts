import type { Config, Group } from "@muster/core/resources";
import { collectAll, type MusterClient } from "@muster/sdk";

/** What a server has of what folders declare. */
export interface ServerState {
  /** In the order in which their configs merge. */
  readonly groups: readonly Group[];
  /** By name. */
  readonly configs: readonly Config[];
}

export async function readServer(client: MusterClient): Promise<ServerState> {
  const groups = await collectAll(client.groups.listAll());
  const configs = await collectAll(client.configs.listAll());
  return {
    groups: groups.sort((left, right) => left.position - right.position || compare(left.id, right.id)),
    configs: configs.sort((left, right) => compare(left.name, right.name)),
  };
}

/** By code units: the same order on every machine, whatever its language. */
export function compare(left: string, right: string): number {
  if (left === right) return 0;
  return left < right ? -1 : 1;
}
