import type { Point } from "@muster/core";

/** What points are given besides their own tags. */
export interface TagSources {
  /** Of the configuration: they win over the collector's. */
  readonly configured: Readonly<Record<string, string>>;
  /** Of the host, `host` among them: the collector's win over these. */
  readonly global: Readonly<Record<string, string>>;
}

/** DataKit's precedence, highest first: tags of the configuration, tags of the data, global tags. */
export function addTags(points: readonly Point[], { configured, global }: TagSources): readonly Point[] {
  return points.map((point) => ({ ...point, tags: { ...global, ...point.tags, ...configured } }));
}

/** What a configuration may write instead of facts of the host. */
export interface HostFacts {
  readonly id: string;
  readonly hostname: string;
  /** Asked for when it is used: addresses change. */
  readonly address: () => string;
}

/** `__datakit_hostname`, `__datakit_ip` and `__datakit_id`, also with `$` in front, become what they stand for. */
export function expandTag(value: string, facts: HostFacts): string {
  if (!value.includes("datakit_")) return value;
  return value.replace(/(?:__|\$)datakit_(hostname|ip|id)\b/g, (_, name: string) => {
    return name === "hostname" ? facts.hostname : name === "ip" ? facts.address() : facts.id;
  });
}
