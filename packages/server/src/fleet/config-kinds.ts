import { type Capability, CONFIG_LIMITS, MusterError } from "@muster/core";
import type { ConfigFormat, ConfigKind } from "@muster/core/resources";

interface Kind extends ConfigKind {
  readonly capability: Capability;
}

const KINDS: readonly Kind[] = [
  {
    id: "pipeline",
    title: "Pipeline of logs",
    formats: ["yaml", "json"],
    capability: "pipelines",
    fileNames: true,
  },
  {
    id: "settings",
    title: "Settings of the agent",
    formats: ["json", "yaml"],
    capability: "settings",
    fileNames: true,
  },
  { id: "onetime", title: "One-time pipeline", formats: ["json", "yaml"], capability: "onetime", fileNames: true },
  { id: "file", title: "File", formats: ["text", "yaml", "toml", "json"], capability: "configs", fileNames: true },
];

const BY_ID = new Map(KINDS.map((kind) => [kind.id, kind]));

export function listKinds(): readonly ConfigKind[] {
  return KINDS;
}

export function findKind(id: string): Kind | undefined {
  return BY_ID.get(id);
}

/** Throws invalid_argument for a kind that there is none of. */
export function getKind(id: string): Kind {
  const kind = BY_ID.get(id);
  if (kind) return kind;
  const known = KINDS.map((each) => each.id).join(", ");
  throw new MusterError("invalid_argument", `there is no kind "${id}"; there are ${known}`, { field: "kind" });
}

/** The format that is meant, the kind's first one when none was said. Throws invalid_argument for one that it cannot have. */
export function formatFor(kind: Kind, format: ConfigFormat | undefined): ConfigFormat {
  const [first = "text"] = kind.formats;
  const chosen = format ?? first;
  if (kind.formats.includes(chosen)) return chosen;
  const message = `a config of kind ${kind.id} is ${kind.formats.join(" or ")}, not ${chosen}`;
  throw new MusterError("invalid_argument", message, { field: "format" });
}

/** Why an agent cannot take a config; null when it can. */
export function whyUnable(
  agent: { readonly capabilities: ReadonlySet<string>; readonly agentType: string | null },
  config: { readonly kind: string; readonly agentType: string },
): string | null {
  const kind = findKind(config.kind);
  if (!kind || !agent.capabilities.has(kind.capability)) return `it takes no configs of kind ${config.kind}`;
  const { agentType } = agent;
  // an agent that names no type is one whose protocol does not compare them
  if (config.agentType !== "" && agentType !== null && config.agentType.toLowerCase() !== agentType.toLowerCase())
    return `the config is for ${config.agentType}, and the agent is ${agentType}`;
  return null;
}

/** The rule in words, for whoever breaks it. */
export const FILE_NAME_RULE = `a name is a file name on hosts: 1 to ${CONFIG_LIMITS.nameLength} characters, without / \\ @, "..", control characters or spaces at its ends`;

/** Whether a name can be a file name on real agents, whatever they do with it. */
export function isFileName(name: string): boolean {
  return (
    name.length > 0 &&
    name.length <= CONFIG_LIMITS.nameLength &&
    Buffer.byteLength(name) <= 240 &&
    name !== "." &&
    name === name.trim() &&
    name.isWellFormed() &&
    !name.includes("..") &&
    !/[/\\@\p{Cc}]/u.test(name)
  );
}

/** Throws invalid_argument with the rule. */
export function assertName(kind: ConfigKind, name: string): void {
  if (kind.fileNames && !isFileName(name))
    throw new MusterError("invalid_argument", FILE_NAME_RULE, { field: "name", rule: "file_name" });
}
