import { parse as parseYaml } from "yaml";
import type { WantedConfig } from "../../fleet/config-delivery.ts";

/** What an agent should have, by name. One for each array: the fleet hands out the same one until something changes. */
const indexes = new WeakMap<readonly WantedConfig[], ReadonlyMap<string, WantedConfig>>();

export function indexWanted(wanted: readonly WantedConfig[]): ReadonlyMap<string, WantedConfig> {
  const known = indexes.get(wanted);
  if (known) return known;
  const index = new Map(wanted.map((config) => [config.name, config]));
  indexes.set(wanted, index);
  return index;
}

/** G0 and G1 count from 0, and their agents take an absent version for 0. */
export function versionOf({ revision }: Pick<WantedConfig, "revision">): number {
  return revision - 1;
}

export function revisionOf(version: number): number | null {
  return version < 0 ? null : version + 1;
}

const NO_TEXT = new Uint8Array();
const details = new WeakMap<WantedConfig, Uint8Array>();

/** A config's text for agents that read JSON only. What is no YAML either goes out as it is: the agent says what is wrong. */
export function jsonDetailOf(config: WantedConfig): Uint8Array {
  const known = details.get(config);
  if (known) return known;
  const detail =
    config.text === "" ? NO_TEXT : Buffer.from(config.format === "yaml" ? toJson(config.text) : config.text);
  details.set(config, detail);
  return detail;
}

function toJson(yaml: string): string {
  try {
    return JSON.stringify(parseYaml(yaml, { maxAliasCount: 100 })) ?? yaml;
  } catch {
    return yaml;
  }
}
