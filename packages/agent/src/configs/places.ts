import { createHash } from "node:crypto";
import { CONFIG_LIMITS } from "@muster/core";

/** What a config is for, which decides where its file lies. */
export const FILE_KINDS = ["file", "pipeline", "settings", "onetime"] as const;
export type FileKind = (typeof FILE_KINDS)[number];

/** The folder of each kind, below the data folder. */
const FOLDERS: Readonly<Record<FileKind, string>> = {
  file: "configs",
  pipeline: "pipelines",
  settings: "settings",
  onetime: "onetime",
};

/** Enough for a temporary name beside it, in file systems that take 255 bytes. */
const MAX_NAME_BYTES = 240;
/** Files on their way to their name begin so. */
export const UNFINISHED_PREFIX = ".muster-";

/** A file below the data folder, `/`-separated. `format` counts where the kind's names get an ending. */
export function fileOf(kind: FileKind, name: string, format: string): string {
  if (kind === "file") return `${FOLDERS.file}/${name}`;
  return `${FOLDERS[kind]}/${name}.${format === "json" ? "json" : "yaml"}`;
}

export function listFolders(): string[] {
  return Object.values(FOLDERS);
}

/** Why a name cannot be the name of a file in a folder of ours; undefined when it can. */
export function refuseName(name: string): string | undefined {
  if (name === "") return "the name is empty";
  if (name.length > CONFIG_LIMITS.nameLength || Buffer.byteLength(name) > MAX_NAME_BYTES) return "the name is too long";
  const isHarmless =
    !/[/\\@\p{Cc}]/u.test(name) && !name.includes("..") && name !== "." && name === name.trim() && name.isWellFormed();
  if (!isHarmless)
    return 'the name cannot be a file\'s: it has / \\ @, "..", a control character or a space at its end';
  return name.startsWith(UNFINISHED_PREFIX) ? "the name is kept for the agent's own files" : undefined;
}

/** SHA-256 in hex. */
export function digestOf(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}
