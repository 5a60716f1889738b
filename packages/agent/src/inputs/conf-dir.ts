import { randomBytes } from "node:crypto";
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeFileSync,
} from "node:fs";
import { join, relative, sep } from "node:path";
import { INPUT_LIMITS, MusterError } from "@muster/core";

/** What is read of the folder of configurations; what goes beyond is reported and left alone. */
export const CONF_LIMITS = {
  files: INPUT_LIMITS.inputsPerAgent,
  fileBytes: INPUT_LIMITS.tomlBytes,
  /** A path is its input's id. */
  pathLength: INPUT_LIMITS.idLength,
  depth: 8,
} as const;

const ACTIVE = ".conf";
const DISABLED = ".conf.disabled";
/** DataKit's own settings, which may lie among the inputs. */
const NO_INPUT = new Set(["datakit.conf"]);
const MANAGED_ID = /^dkinput_[0-9a-v]{20}$/;
/** Left by a crash between writing a file and giving it its name. */
const UNFINISHED = /^\.dkinput_[0-9a-v]{20}\.[0-9a-f]+\.new$/;
/** There while several inputs are switched on or off as one; names them. */
const SWITCHING = ".switching";

/** A file of the folder, as a look at its metadata shows it. */
export interface ConfFile {
  /** Below the folder, with `/` on every system. */
  readonly file: string;
  /** `dkinput_…` for files that may be changed from afar, the file's name without `.disabled` for others. */
  readonly id: string;
  readonly managed: boolean;
  readonly disabled: boolean;
  /** Differs when the content may differ. */
  readonly version: string;
  /** Why it is not read; null when it can be. */
  readonly fault: string | null;
}

/** Everything in the folder, sorted by name, and what a comparison with an earlier look needs. */
export interface ConfListing {
  readonly files: readonly ConfFile[];
  readonly version: string;
  /** True when there were more files than are read. */
  readonly cut: boolean;
}

/** True for ids that name a file which may be changed from afar; nothing in them can leave the folder. */
export function isManagedId(id: string): boolean {
  return MANAGED_ID.test(id);
}

/**
 * The folder of configurations. Reads every `*.conf` below it, but nothing whose name starts with a dot and nothing that a
 * link would fetch from elsewhere; writes only `<input id>.conf` and `<input id>.conf.disabled` in the folder itself.
 */
export class ConfDir {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  /** A look at names and metadata: no file is opened. A folder that is not there is empty. */
  list(): ConfListing {
    const found: ConfFile[] = [];
    let root: string;
    try {
      root = realpathSync(this.folder);
    } catch {
      return { files: [], version: "", cut: false };
    }
    const cut = !walk(root, { root, depth: 0, found });
    const active = new Set(found.filter((file) => !file.disabled).map((file) => file.id));
    const files = found
      .filter((file) => !file.disabled || !active.has(file.id))
      .sort((a, b) => (a.file < b.file ? -1 : a.file > b.file ? 1 : 0));
    return { files, version: files.map((file) => `${file.file} ${file.version}`).join("\n"), cut };
  }

  /** A file by its id, as it is now. */
  find(id: string): ConfFile | undefined {
    return this.list().files.find((file) => file.id === id);
  }

  /** The text of a listed file. Throws `failed_precondition` in words for people when it is no text or cannot be read. */
  read(file: ConfFile): string {
    if (file.fault !== null) throw new MusterError("failed_precondition", file.fault);
    try {
      const content = readFileSync(join(this.folder, file.file));
      if (content.length > CONF_LIMITS.fileBytes) throw new MusterError("failed_precondition", tooLarge());
      return new TextDecoder("utf-8", { fatal: true }).decode(content);
    } catch (error) {
      if (error instanceof MusterError) throw error;
      if (error instanceof TypeError) throw new MusterError("failed_precondition", "the file is not UTF-8");
      throw new MusterError("failed_precondition", `the file cannot be read: ${codeOf(error)}`, {}, error);
    }
  }

  /** Gives a managed input a new text: readers and a crash see the old one or the new one, never a part. */
  write(id: string, text: string, state: { readonly disabled: boolean }): void {
    assertManaged(id);
    mkdirSync(this.folder, { recursive: true, mode: 0o700 });
    const target = this.#pathOf(id, state.disabled);
    const unfinished = join(this.folder, `.${id}.${randomBytes(6).toString("hex")}.new`);
    try {
      writeFileSync(unfinished, text, { mode: 0o600, flag: "wx", flush: true });
      renameSync(unfinished, target);
    } catch (error) {
      rmSync(unfinished, { force: true });
      throw error;
    }
    this.#sync();
  }

  /** Switches a managed input on or off; its bytes stay as they are. */
  move(id: string, state: { readonly disabled: boolean }): void {
    assertManaged(id);
    renameSync(this.#pathOf(id, !state.disabled), this.#pathOf(id, state.disabled));
    this.#sync();
  }

  /**
   * Several moves that are one: when a crash comes between, the next `sweep` switches all of these off. What was to be
   * switched off is so at last, and what was to be switched on is taken back, since one of them may be why it crashed.
   */
  async switchTogether(ids: readonly string[], task: () => Promise<void>): Promise<void> {
    if (ids.length < 2) return task();
    for (const id of ids) assertManaged(id);
    const path = join(this.folder, SWITCHING);
    writeFileSync(path, ids.join("\n"), { mode: 0o600, flush: true });
    this.#sync();
    await task().finally(() => rmSync(path, { force: true }));
  }

  /** Deletes a managed input, whether it is on or off. */
  remove(id: string): void {
    assertManaged(id);
    rmSync(this.#pathOf(id, false), { force: true });
    rmSync(this.#pathOf(id, true), { force: true });
    this.#sync();
  }

  /** Ends what a crash left unfinished. */
  sweep(): void {
    if (!existsSync(this.folder)) return;
    this.#finishSwitching();
    for (const name of readdirSync(this.folder)) {
      if (UNFINISHED.test(name)) rmSync(join(this.folder, name), { force: true });
    }
  }

  #finishSwitching(): void {
    const path = join(this.folder, SWITCHING);
    if (!existsSync(path)) return;
    const ids = readFileSync(path, "utf8").split("\n").filter(isManagedId);
    for (const id of ids) if (existsSync(this.#pathOf(id, false))) this.move(id, { disabled: true });
    rmSync(path, { force: true });
  }

  #pathOf(id: string, disabled: boolean): string {
    return join(this.folder, `${id}${disabled ? DISABLED : ACTIVE}`);
  }

  /** A rename is on the disk once its folder is. */
  #sync(): void {
    if (process.platform === "win32") return; // folders cannot be opened there
    const descriptor = openSync(this.folder, "r");
    try {
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
  }
}

function assertManaged(id: string): void {
  if (!isManagedId(id)) throw new MusterError("invalid_argument", "this is no id of an input");
}

interface Walk {
  readonly root: string;
  readonly depth: number;
  readonly found: ConfFile[];
}

/** Adds what is in a folder and below; false when the limit of files was reached. */
function walk(folder: string, { root, depth, found }: Walk): boolean {
  for (const { name, isLink } of listEntries(folder)) {
    if (name.startsWith(".")) continue;
    const path = join(folder, name);
    const stats = statInside(path, root);
    if (stats?.isDirectory()) {
      if (isLink) continue; // what it leads to is walked where it is
      if (depth + 1 < CONF_LIMITS.depth && !walk(path, { root, depth: depth + 1, found })) return false;
    } else if (stats?.isFile() && (name.endsWith(ACTIVE) || name.endsWith(DISABLED)) && !NO_INPUT.has(name)) {
      const below = relative(root, path);
      if (found.length >= CONF_LIMITS.files) return false;
      if (below.length <= CONF_LIMITS.pathLength) found.push(describe(below, stats));
    }
  }
  return true;
}

function describe(path: string, stats: Stats): ConfFile {
  const file = sep === "/" ? path : path.replaceAll(sep, "/");
  const disabled = file.endsWith(DISABLED);
  const stem = file.slice(0, -(disabled ? DISABLED : ACTIVE).length);
  const managed = isManagedId(stem);
  return {
    file,
    id: managed ? stem : `${stem}${ACTIVE}`,
    managed,
    disabled,
    version: `${stats.mtimeMs} ${stats.ctimeMs} ${stats.size} ${stats.ino}`,
    fault: stats.size > CONF_LIMITS.fileBytes ? tooLarge() : null,
  };
}

function listEntries(folder: string): { readonly name: string; readonly isLink: boolean }[] {
  try {
    const entries = readdirSync(folder, { withFileTypes: true });
    return entries.map((entry) => ({ name: entry.name, isLink: entry.isSymbolicLink() }));
  } catch {
    return []; // removed meanwhile, or not ours to read
  }
}

/** What a path leads to, unless a link leads out of the folder or nowhere. */
function statInside(path: string, root: string): Stats | undefined {
  try {
    const real = realpathSync(path);
    return real.startsWith(`${root}${sep}`) ? statSync(real) : undefined;
  } catch {
    return undefined;
  }
}

function tooLarge(): string {
  return `the file is larger than ${CONF_LIMITS.fileBytes / 1024} KiB`;
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : String(error);
}
