import { existsSync, mkdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { type Clock, CONFIG_LIMITS } from "@muster/core";
import { errorText, type Logger } from "../log.ts";
import { type Policy, refuseAction } from "../policy.ts";
import { type ConfigEntry, ConfigIndex, type FailedText, type GoodText, goodFileOf } from "./config-index.ts";
import { runHook } from "./hook.ts";
import { digestOf, type FileKind, fileOf, listFolders, refuseName } from "./places.ts";
import { readPlainFile, removeFile, removeUnfinished, replaceFile } from "./safe-file.ts";

/** What is read of a file that somebody else may have made larger than any config. */
const MAX_READ_BYTES = 16 * 1024 * 1024;

/** A config as it comes from a server. */
export interface GivenConfig {
  readonly kind: FileKind;
  readonly name: string;
  readonly format: string;
  readonly revision: number;
  readonly text: string;
  /** When a one-time config is over, in ms by this host's clock; null for all others. */
  readonly expiresAt: number | null;
}

/** How one config is here. */
export interface HeldFile {
  readonly kind: FileKind;
  readonly name: string;
  /** Null when another protocol gave it, whose numbers mean something else. Of a failed one the revision that failed. */
  readonly revision: number | null;
  readonly status: "applying" | "applied" | "failed";
  readonly error: string | null;
  /** SHA-256 in hex of the file as it is now; null when there is none. */
  readonly digest: string | null;
}

export interface GivenConfigsOptions {
  /** The folders of configs are made in it. */
  readonly dataDir: string;
  /** The agent's own. */
  readonly folder: string;
  /** The protocol that is spoken. */
  readonly origin: string;
  readonly hook: { readonly program: string; readonly timeoutMs: number } | undefined;
  /** What hooks inherit. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly loadPolicy: () => Promise<Policy>;
  readonly onChange: () => void;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * The configs that were given to this host, each a file. A text counts once its file is in place and the host's hook agrees;
 * until then, and whatever happens meanwhile, the one before can be put back. Changes are made one after the other.
 */
export class GivenConfigs {
  readonly #options: GivenConfigsOptions;
  readonly #index: ConfigIndex;
  /** Copies of files that are being replaced. */
  readonly #backups: string;
  /** Digests of files, by path, as of the file's metadata. */
  readonly #digests = new Map<string, { readonly version: string; readonly digest: string | null }>();
  #trying: { readonly kind: FileKind; readonly name: string; readonly revision: number } | undefined;
  #queue: Promise<unknown> = Promise.resolve();
  #isStopped = false;

  private constructor(options: GivenConfigsOptions, index: ConfigIndex) {
    this.#options = options;
    this.#index = index;
    this.#backups = join(options.folder, "before");
  }

  /** Undoes what a crash left half done. Throws what the system says. */
  static open(options: GivenConfigsOptions): GivenConfigs {
    mkdirSync(options.folder, { recursive: true, mode: 0o700 });
    removeUnfinished(options.folder);
    for (const folder of listFolders()) removeUnfinished(join(options.dataDir, folder));
    const index = ConfigIndex.open(join(options.folder, "index.json"));
    if (index.wasUnreadable) options.log.error("index of configs could not be read", { folder: options.folder });
    const configs = new GivenConfigs(options, index);
    configs.#recover();
    return configs;
  }

  /** Everything that is here, and what failed. A file that was removed by hand is not here. */
  held(): HeldFile[] {
    return this.#index.list().flatMap((entry) => this.#describe(entry) ?? []);
  }

  find(kind: FileKind, name: string): HeldFile | undefined {
    const entry = this.#index.find(kind, name);
    return entry && this.#describe(entry);
  }

  /** The digest of the text that runs, and its revision, as they were given; for whoever is told only digests. */
  good(kind: FileKind, name: string): GoodText | undefined {
    const entry = this.#index.find(kind, name);
    return entry && this.#isInPlace(entry) ? entry.good : undefined;
  }

  /** The numbers by which a server is to be compared with this host; a protocol's own only, others count for nothing. */
  revisions(kind: FileKind, name: string): { readonly good: number | null; readonly refused: number | null } {
    const entry = this.#index.find(kind, name);
    const { origin } = this.#options;
    const good = entry?.good?.origin === origin && this.#isInPlace(entry) ? entry.good.revision : null;
    // whatever else kept it out may be over
    const refused = entry?.failed?.byHook && entry.failed.origin === origin ? entry.failed.revision : null;
    return { good, refused };
  }

  /** Resolves with what became of it. Never rejects. */
  give(config: GivenConfig): Promise<HeldFile> {
    return this.#inTurn(async () => {
      const error = await this.#tryToGive(config);
      this.#options.onChange();
      const held = this.find(config.kind, config.name);
      if (held) return held;
      const { kind, name, revision } = config;
      return { kind, name, revision, status: "failed", error: error ?? "the file is gone", digest: null };
    });
  }

  /** The same text has another number now. */
  renumber(kind: FileKind, name: string, revision: number): Promise<void> {
    return this.#inTurn(async () => {
      const entry = this.#index.find(kind, name);
      if (!entry?.good) return;
      const { origin } = this.#options;
      if (entry.good.revision === revision && entry.good.origin === origin) return;
      this.#putQuietly({ kind, name, good: { ...entry.good, revision, origin } });
      this.#options.onChange();
    });
  }

  /** Removes a config and its file. A hook is told, but what it says changes nothing. Never rejects. */
  remove(kind: FileKind, name: string): Promise<void> {
    return this.#inTurn(async () => {
      const entry = this.#index.find(kind, name);
      if (!entry) return;
      const { log } = this.#options;
      const refused = refuseAction(await this.#options.loadPolicy(), "config");
      if (refused !== undefined) return log.warn("config was not removed", { kind, name, reason: refused });
      const file = goodFileOf(entry);
      try {
        if (file !== undefined) removeFile(this.#pathOf(file));
        this.#index.delete(kind, name);
      } catch (error) {
        return log.error("config was not removed", { kind, name, reason: errorText(error) });
      }
      log.info("config was removed", { kind, name });
      if (file !== undefined) {
        const objection = await this.#runHook({ kind, name, file, change: "removed" });
        if (objection !== undefined) log.warn("hook failed after a removal", { kind, name, reason: objection });
      }
      this.#options.onChange();
    });
  }

  /** Removes one-time configs whose time is over. */
  async removeExpired(): Promise<void> {
    const now = this.#options.clock.now();
    for (const { kind, name, good, failed } of this.#index.list()) {
      const expiresAt = (good ?? failed)?.expiresAt ?? null;
      if (expiresAt !== null && expiresAt <= now) await this.remove(kind, name);
    }
  }

  /** What is under way is finished; nothing else begins. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#queue;
  }

  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const turn = this.#queue.then(work);
    this.#queue = turn.catch(() => undefined);
    return turn;
  }

  /** Undefined when the text runs now, otherwise why it does not. */
  async #tryToGive(config: GivenConfig): Promise<string | undefined> {
    const { kind, name, revision } = config;
    const digest = digestOf(config.text);
    const refused = await this.#refuse(config);
    if (refused !== undefined) return this.#fail(config, { digest, error: refused, byHook: false });
    this.#undo(this.#index.find(kind, name)); // where that failed before
    const entry = this.#index.find(kind, name);
    if (entry?.pending)
      return this.#fail(config, { digest, error: "the file before it could not be put back", byHook: false });
    const good = this.#makeGood(config, digest);
    if (entry?.good && entry.good.digest === digest && entry.good.format === good.format && this.#isAsGiven(entry)) {
      const isNews = entry.good.revision !== revision || entry.good.origin !== good.origin;
      this.#putQuietly({ kind, name, good, ...(entry.failed && !isNews ? { failed: entry.failed } : {}) });
      return undefined;
    }
    this.#trying = { kind, name, revision };
    this.#options.onChange();
    try {
      const objection = await this.#replace(config, entry);
      if (objection !== undefined) return this.#fail(config, { digest, error: objection, byHook: true });
      this.#index.put({ kind, name, good });
      this.#dropBackup(kind, name);
      this.#options.log.info("config was taken", { kind, name, revision });
      return undefined;
    } catch (error) {
      this.#undo(this.#index.find(kind, name));
      return this.#fail(config, { digest, error: `the file cannot be kept: ${errorText(error)}`, byHook: false });
    } finally {
      this.#trying = undefined;
    }
  }

  async #refuse({ kind, name, text, expiresAt }: GivenConfig): Promise<string | undefined> {
    if (this.#isStopped) return "the agent stops";
    if (Buffer.byteLength(text) > CONFIG_LIMITS.textBytes)
      return `the text is larger than ${CONFIG_LIMITS.textBytes} bytes`;
    if (!this.#index.find(kind, name) && this.#index.size >= CONFIG_LIMITS.configsPerAgent)
      return `this host keeps no more than ${CONFIG_LIMITS.configsPerAgent} configs`;
    if (expiresAt !== null && expiresAt <= this.#options.clock.now()) return "its time was over when it came";
    return refuseName(name) ?? refuseAction(await this.#options.loadPolicy(), "config");
  }

  /** Puts the new file in place and asks the hook; resolves with its objection, after which the old file is back. */
  async #replace(config: GivenConfig, entry: ConfigEntry | undefined): Promise<string | undefined> {
    const { kind, name, format, text } = config;
    const file = fileOf(kind, name, format);
    const before = entry?.good?.format ?? format;
    const content = readPlainFile(this.#pathOf(fileOf(kind, name, before)), MAX_READ_BYTES);
    if (content) replaceFile(this.#backupOf(kind, name), content);
    this.#index.put({ ...entry, kind, name, pending: { format, before: content ? before : null } });
    replaceFile(this.#pathOf(file), text);
    if (content && fileOf(kind, name, before) !== file) removeFile(this.#pathOf(fileOf(kind, name, before)));
    const objection = await this.#runHook({ kind, name, file, change: "given" });
    if (objection !== undefined) this.#undo(this.#index.find(kind, name));
    return objection;
  }

  async #runHook(change: {
    readonly kind: FileKind;
    readonly name: string;
    readonly file: string;
    readonly change: "given" | "removed";
  }): Promise<string | undefined> {
    const { hook, environment, clock } = this.#options;
    if (!hook) return undefined;
    return runHook({ ...hook, environment, clock }, { ...change, path: this.#pathOf(change.file) });
  }

  #recover(): void {
    for (const entry of this.#index.list()) {
      if (entry.pending) {
        const { kind, name } = entry;
        this.#options.log.warn("config was put back after a crash", { kind, name });
        this.#undo(entry);
      } else if (!entry.failed && !this.#isInPlace(entry)) this.#index.delete(entry.kind, entry.name);
    }
    rmSync(this.#backups, { recursive: true, force: true });
  }

  /** Puts back what was there before a change; may be done again after a crash. */
  #undo(entry: ConfigEntry | undefined): void {
    if (!entry?.pending) return;
    const { kind, name, pending, good, failed } = entry;
    const { format, before } = pending;
    const newPath = this.#pathOf(fileOf(kind, name, format));
    const backup = before === null ? undefined : readPlainFile(this.#backupOf(kind, name), MAX_READ_BYTES);
    const oldPath = this.#pathOf(fileOf(kind, name, before ?? format));
    try {
      if (backup) replaceFile(oldPath, backup);
      if (before === null || (oldPath !== newPath && backup)) removeFile(newPath);
      if (good || failed) this.#index.put({ kind, name, ...(good ? { good } : {}), ...(failed ? { failed } : {}) });
      else this.#index.delete(kind, name);
      this.#dropBackup(kind, name);
    } catch (error) {
      // the index still says that it is to be undone: the next start tries again
      this.#options.log.error("config could not be put back", { kind, name, reason: errorText(error) });
    }
  }

  #fail(config: GivenConfig, failure: Pick<FailedText, "digest" | "error" | "byHook">): string {
    const { kind, name, revision, expiresAt } = config;
    const error = failure.error.slice(0, CONFIG_LIMITS.errorLength);
    const entry = this.#index.find(kind, name);
    const isNews = entry?.failed?.revision !== revision || entry.failed.error !== error;
    this.#options.log[isNews ? "warn" : "debug"]("config was refused", { kind, name, revision, reason: error });
    const hasRoom = entry !== undefined || this.#index.size < CONFIG_LIMITS.configsPerAgent;
    const failed = { ...failure, error, revision, expiresAt, origin: this.#options.origin };
    if (hasRoom && name.length <= CONFIG_LIMITS.nameLength) this.#putQuietly({ ...entry, kind, name, failed });
    return error;
  }

  /** For what a full disk may not stop: it is known until the next start, then, and not after it. */
  #putQuietly(entry: ConfigEntry): void {
    try {
      this.#index.put(entry);
    } catch (error) {
      this.#options.log.error("index of configs could not be written", { reason: errorText(error) });
    }
  }

  #describe(entry: ConfigEntry): HeldFile | undefined {
    const { kind, name, good, failed } = entry;
    const digest = this.#digestNow(entry);
    if (this.#trying?.kind === kind && this.#trying.name === name)
      return { kind, name, revision: this.#trying.revision, status: "applying", error: null, digest };
    const { origin } = this.#options;
    if (failed && failed.origin === origin)
      return { kind, name, revision: failed.revision, status: "failed", error: failed.error, digest };
    if (!good || digest === null) return undefined;
    const revision = good.origin === origin ? good.revision : null;
    return { kind, name, revision, status: "applied", error: null, digest };
  }

  #makeGood(config: GivenConfig, digest: string): GoodText {
    const { revision, expiresAt, format } = config;
    return { revision, digest, format, origin: this.#options.origin, expiresAt };
  }

  #isInPlace(entry: ConfigEntry): boolean {
    const file = goodFileOf(entry);
    return file !== undefined && existsSync(this.#pathOf(file));
  }

  #isAsGiven(entry: ConfigEntry): boolean {
    return this.#digestNow(entry) === entry.good?.digest;
  }

  /** Of the file as it is now, read again when its metadata has changed. */
  #digestNow(entry: ConfigEntry): string | null {
    const file = goodFileOf(entry);
    if (file === undefined) return null;
    const path = this.#pathOf(file);
    const stats = statSync(path, { throwIfNoEntry: false });
    if (!stats) return null;
    const version = `${stats.mtimeMs} ${stats.ctimeMs} ${stats.size} ${stats.ino}`;
    const known = this.#digests.get(path);
    if (known?.version === version) return known.digest;
    const content = readPlainFile(path, MAX_READ_BYTES);
    const digest = content ? digestOf(content) : null;
    if (this.#digests.size > 2 * CONFIG_LIMITS.configsPerAgent) this.#digests.clear();
    this.#digests.set(path, { version, digest });
    return digest;
  }

  #pathOf(file: string): string {
    return join(this.#options.dataDir, file);
  }

  #backupOf(kind: FileKind, name: string): string {
    return join(this.#backups, digestOf(`${kind}/${name}`).slice(0, 32));
  }

  #dropBackup(kind: FileKind, name: string): void {
    rmSync(this.#backupOf(kind, name), { force: true });
  }
}
