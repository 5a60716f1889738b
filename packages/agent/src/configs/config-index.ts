import { readFileSync } from "node:fs";
import { CONFIG_LIMITS } from "@muster/core";
import { FILE_KINDS, type FileKind, fileOf, refuseName } from "./places.ts";
import { replaceFile } from "./safe-file.ts";

/** A text that runs. */
export interface GoodText {
  /** As the protocol counts, which is `origin`'s business. */
  readonly revision: number;
  /** Of the text as it was given. */
  readonly digest: string;
  readonly format: string;
  /** The protocol that gave it: numbers of another one cannot be compared. */
  readonly origin: string;
  /** When a one-time config is over, in ms; null for all others. */
  readonly expiresAt: number | null;
}

/** A text that was refused here, and why. */
export interface FailedText {
  readonly revision: number;
  readonly digest: string;
  readonly error: string;
  readonly origin: string;
  /** The hook refused it; otherwise it never came so far. */
  readonly byHook: boolean;
  /** As of a good one: what is over need not be remembered. */
  readonly expiresAt: number | null;
}

/** A change that is under way: what has to be undone when nobody knows how it ended. */
export interface PendingChange {
  /** The format of the file that was being written. */
  readonly format: string;
  /** The format of the file that was there before; null when there was none. */
  readonly before: string | null;
}

export interface ConfigEntry {
  readonly kind: FileKind;
  readonly name: string;
  readonly good?: GoodText;
  readonly failed?: FailedText;
  readonly pending?: PendingChange;
}

/** What was given to this host, in one small file that is replaced whole at each change. */
export class ConfigIndex {
  readonly #path: string;
  readonly #entries: Map<string, ConfigEntry>;
  /** The file was there and could not be understood. */
  readonly wasUnreadable: boolean;

  private constructor(path: string, entries: readonly ConfigEntry[] | undefined) {
    this.#path = path;
    this.wasUnreadable = entries === undefined;
    this.#entries = new Map((entries ?? []).map((entry) => [keyOf(entry.kind, entry.name), entry]));
  }

  static open(path: string): ConfigIndex {
    let text: string;
    try {
      text = readFileSync(path, "utf8");
    } catch {
      return new ConfigIndex(path, []);
    }
    return new ConfigIndex(path, parseEntries(text));
  }

  get size(): number {
    return this.#entries.size;
  }

  list(): ConfigEntry[] {
    return [...this.#entries.values()];
  }

  find(kind: FileKind, name: string): ConfigEntry | undefined {
    return this.#entries.get(keyOf(kind, name));
  }

  /** On the disk when it returns. Throws what the system says, and then remembers nothing of it. */
  put(entry: ConfigEntry): void {
    const key = keyOf(entry.kind, entry.name);
    const before = this.#entries.get(key);
    if (JSON.stringify(before) === JSON.stringify(entry)) return;
    this.#entries.set(key, entry);
    try {
      this.#save();
    } catch (error) {
      if (before) this.#entries.set(key, before);
      else this.#entries.delete(key);
      throw error;
    }
  }

  delete(kind: FileKind, name: string): void {
    if (this.#entries.delete(keyOf(kind, name))) this.#save();
  }

  #save(): void {
    replaceFile(this.#path, `${JSON.stringify({ version: 1, configs: this.list() })}\n`);
  }
}

/** A key for the config, which also names its file in a folder of ours. */
function keyOf(kind: FileKind, name: string): string {
  return `${kind}/${name}`;
}

/** Nothing in it may lead out of our folders: somebody may have written to it. */
function parseEntries(text: string): ConfigEntry[] | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isRecord(parsed) || !Array.isArray(parsed.configs)) return undefined;
  return parsed.configs.slice(0, CONFIG_LIMITS.configsPerAgent).filter(isEntry);
}

function isEntry(value: unknown): value is ConfigEntry {
  if (!isRecord(value) || typeof value.name !== "string") return false;
  const { kind, good, failed, pending } = value;
  const isText = (part: unknown, texts: readonly string[]) =>
    part === undefined ||
    (isRecord(part) && Number.isSafeInteger(part.revision) && texts.every((key) => typeof part[key] === "string"));
  return (
    FILE_KINDS.some((known) => known === kind) &&
    isText(good, ["digest", "format", "origin"]) &&
    isText(failed, ["digest", "error", "origin"]) &&
    (pending === undefined || (isRecord(pending) && typeof pending.format === "string")) &&
    (good === undefined || refuseName(value.name) === undefined) &&
    (pending === undefined || refuseName(value.name) === undefined)
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Where the good text of an entry lies, below the data folder. */
export function goodFileOf(entry: ConfigEntry): string | undefined {
  return entry.good && fileOf(entry.kind, entry.name, entry.good.format);
}
